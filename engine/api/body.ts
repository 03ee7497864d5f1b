/** Reading a request's body: bounded, as JSON, held to a schema; whatever is wrong is named with its field. */
import type { ZodType, z } from "zod";
import { toFieldProblems } from "../contract/config.ts";
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { Call } from "./call.ts";

/** @throws EngineError body_too_large, invalid_json, invalid_request, cancelled */
export async function readBody<S extends ZodType>(call: Call, schema: S): Promise<z.output<S>> {
  return parseValue(schema, await readJson(call.request));
}

/** As `readBody`, for requests whose body may be left out. */
export async function readOptionalBody<S extends ZodType>(
  call: Call,
  schema: S,
): Promise<z.output<S>> {
  const text = await readText(call.request);
  return parseValue(schema, text.trim() === "" ? {} : parseJson(text));
}

export function parseValue<S extends ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [first] = toFieldProblems(result.error);
  const field = first?.field ?? "";
  const message = first?.message ?? "the request is not as it should be";
  throw new EngineError("invalid_request", field === "" ? message : `${field}: ${message}`, {
    field,
  });
}

async function readJson(request: Request): Promise<unknown> {
  const text = await readText(request);
  if (text.trim() === "") throw new EngineError("invalid_json", "missing request body");
  return parseJson(text);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : "it cannot be read";
    throw new EngineError("invalid_json", `The body is no valid JSON: ${why}.`);
  }
}

async function readText(request: Request): Promise<string> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > limits.bodyBytesMax) throw tooLarge();
  if (request.body === null) return "";
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of readChunks(request.body)) {
    bytes += chunk.byteLength;
    if (bytes > limits.bodyBytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new EngineError("invalid_json", "The body is no valid UTF-8.");
  }
}

async function* readChunks(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw new EngineError("cancelled", "The client went away before its request was read.", {
      cause: error,
    });
  }
}

function tooLarge(): EngineError {
  const megabytes = limits.bodyBytesMax / 1024 / 1024;
  return new EngineError("body_too_large", `The body is larger than ${megabytes} MiB.`);
}
