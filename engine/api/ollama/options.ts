/** Ollama's `options`: which of them mean something here, and what is said about the others. */
import type { Sampling } from "../../contract/chat.ts";
import { EngineError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Log } from "../../telemetry/telemetry.ts";
import { checkStops } from "../fields.ts";

export interface GenerateOptions {
  sampling: Sampling;
  stop: string[] | undefined;
  maxTokens: number | undefined;
}

interface NumberOption {
  field: keyof Sampling;
  integer?: boolean;
  min: number;
  max: number;
}

const numbers: Record<string, NumberOption> = {
  temperature: { field: "temperature", min: 0, max: 100 },
  top_k: { field: "topK", integer: true, min: 0, max: 1_000_000 },
  top_p: { field: "topP", min: 0, max: 1 },
  min_p: { field: "minP", min: 0, max: 1 },
  // llama.cpp divides by it.
  repeat_penalty: { field: "repeatPenalty", min: 0.01, max: 100 },
  presence_penalty: { field: "presencePenalty", min: -100, max: 100 },
  frequency_penalty: { field: "frequencyPenalty", min: -100, max: 100 },
};

/** Honoured outside the table of numbers. */
const special = new Set(["seed", "repeat_last_n", "num_predict", "stop"]);

/** @throws EngineError invalid_request for a wrong type or range; unknown names are logged and ignored, as Ollama does */
export function parseOptions(
  options: Readonly<Record<string, unknown>>,
  log: Log,
): GenerateOptions {
  const sampling: Sampling = {};
  for (const [name, value] of Object.entries(options)) {
    if (value === null || value === undefined) continue;
    const option = Object.hasOwn(numbers, name) ? numbers[name] : undefined;
    if (option !== undefined) sampling[option.field] = readNumber(name, value, option);
    else if (!special.has(name)) log.warn("an option is ignored", { option: name.slice(0, 64) });
  }
  const seed = readInteger("seed", options.seed);
  if (seed !== undefined && seed >= 0) sampling.seed = seed;
  const last = readInteger("repeat_last_n", options.repeat_last_n);
  // -1 = the whole context.
  if (last !== undefined) sampling.repeatLastTokens = last < 0 ? limits.contextTokensMax : last;
  const predict = readInteger("num_predict", options.num_predict);
  // 0, -1 and -2 mean "as much as fits".
  const maxTokens = predict !== undefined && predict > 0 ? predict : undefined;
  return { sampling, stop: readStop(options.stop), maxTokens };
}

function readNumber(name: string, value: unknown, option: NumberOption): number {
  if (option.integer) readInteger(name, value);
  if (typeof value !== "number" || !Number.isFinite(value)) throw wrongType(name, "float32");
  if (value < option.min || value > option.max)
    throw wrong(name, `option "${name}" must be from ${option.min} to ${option.max}`);
  return value;
}

function readInteger(name: string, value: unknown): number | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw wrongType(name, "integer");
  return value;
}

function readStop(value: unknown): string[] | undefined {
  if (value === null || value === undefined) return undefined;
  if (!Array.isArray(value) || !value.every(one => typeof one === "string"))
    throw wrongType("stop", "array of strings");
  return checkStops(value, "options.stop");
}

function wrongType(name: string, type: string): EngineError {
  return wrong(name, `option "${name}" must be of type ${type}`);
}

function wrong(name: string, message: string): EngineError {
  return new EngineError("invalid_request", message, { field: `options.${name}` });
}
