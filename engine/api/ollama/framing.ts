/** How Ollama writes times, durations and errors. */
import type { EngineError } from "../../contract/errors.ts";
import type { Call, Engine } from "../call.ts";
import { errorHeaders, toSentence } from "../errors.ts";
import { wrong } from "../fields.ts";
import { json, line } from "../reply.ts";
import type { FinishItem } from "../turn.ts";

/** RFC 3339 with nine digits; the clock knows the first three. */
export function toTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000000Z");
}

export function toNanoseconds(ms: number): number {
  return Math.max(0, Math.round(ms * 1_000_000));
}

/** The figures of the last line. */
export function toFigures(engine: Engine, call: Call, { usage, timings }: FinishItem) {
  const totalMs = engine.clock.monotonic() - call.arrivedMs;
  const { queueMs, promptMs, decodeMs } = timings;
  return {
    total_duration: toNanoseconds(totalMs),
    load_duration: toNanoseconds(totalMs - queueMs - promptMs - decodeMs),
    prompt_eval_count: usage.promptTokens,
    prompt_eval_cached_count: usage.cachedTokens,
    prompt_eval_duration: toNanoseconds(promptMs),
    eval_count: usage.completionTokens,
    eval_duration: toNanoseconds(decodeMs),
  };
}

export function renderError(error: EngineError): Response {
  return json({ error: toSentence(error) }, { status: error.status, headers: errorHeaders(error) });
}

export function renderErrorLine(error: EngineError): string {
  return line({ error: toSentence(error) });
}

const unitMs: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** Seconds, or a duration such as "1h30m"; negative = forever. @throws EngineError invalid_request */
export function parseKeepAlive(value: number | string | null | undefined): number | undefined {
  if (value === null || value === undefined || value === "") return undefined;
  const text = String(value).trim();
  const seconds = Number(text);
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : parseDuration(text);
  if (ms === undefined) throw wrong("keep_alive", `"${text.slice(0, 64)}" is no duration`);
  return ms < 0 ? Infinity : ms;
}

function parseDuration(text: string): number | undefined {
  const [, sign, rest] = /^([+-]?)((?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+)$/.exec(text) ?? [];
  if (rest === undefined) return undefined;
  const parts = [...rest.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)];
  const ms = parts.reduce((sum, part) => sum + Number(part[1]) * (unitMs[part[2] ?? ""] ?? 0), 0);
  return sign === "-" ? -ms : ms;
}
