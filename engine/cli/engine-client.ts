/** EngineClient: the engine's HTTP APIs as kollama uses them, over whatever carries requests to it. */
import { EngineError, type ErrorCode, errorTable } from "../contract/errors.ts";

export interface Reply {
  status: number;
  body: AsyncIterable<Uint8Array>;
}

/** Sends one request; straight over HTTP, or through the API server's proxy to a Service. */
export type Send = (
  request: {
    method: string;
    path: string;
    headers: Record<string, string>;
    body: string | undefined;
  },
  signal: AbortSignal,
) => Promise<Reply>;

export interface EngineClient {
  /** For people. */
  readonly title: string;
  /** The parsed reply. @throws EngineError as the engine told it */
  json<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T>;
  /** Lines of a reply that goes on, parsed; a line `{"error": …}` is thrown. */
  lines<T>(method: string, path: string, body: unknown, signal: AbortSignal): AsyncIterable<T>;
  /** Status and text whatever the status is: for health and metrics. */
  text(path: string, signal?: AbortSignal): Promise<{ status: number; text: string }>;
}

const shortMs = 15_000;
const lineBytesMax = 32 * 1024 * 1024;
const replyBytesMax = 64 * 1024 * 1024;

export function createEngineClient(
  title: string,
  send: Send,
  key: string | undefined,
): EngineClient {
  // x-api-key and not Authorization: an API server on the way keeps that one for itself.
  const headers: Record<string, string> = {
    "content-type": "application/json",
    accept: "application/json, application/x-ndjson, text/plain",
    ...(key === undefined ? {} : { "x-api-key": key }),
  };
  const ask = (method: string, path: string, body: unknown, signal: AbortSignal) =>
    send(
      { method, path, headers, body: body === undefined ? undefined : JSON.stringify(body) },
      signal,
    );
  const short = (signal?: AbortSignal) =>
    signal === undefined
      ? AbortSignal.timeout(shortMs)
      : AbortSignal.any([signal, AbortSignal.timeout(shortMs)]);
  return {
    title,
    async json<T>(method: string, path: string, body?: unknown, signal?: AbortSignal) {
      const reply = await ask(method, path, body, short(signal));
      const text = await readAll(reply.body);
      if (reply.status >= 400) throw toError(reply.status, text);
      return JSON.parse(text) as T;
    },
    async *lines<T>(method: string, path: string, body: unknown, signal: AbortSignal) {
      const reply = await ask(method, path, body, signal);
      if (reply.status >= 400) throw toError(reply.status, await readAll(reply.body));
      for await (const line of readLines(reply.body)) {
        const value = JSON.parse(line) as T & { error?: unknown };
        if (value.error !== undefined && !("state" in value)) throw toError(200, line);
        yield value;
      }
    },
    async text(path, signal) {
      const reply = await ask("GET", path, undefined, short(signal));
      return { status: reply.status, text: await readAll(reply.body) };
    },
  };
}

async function readAll(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > replyBytesMax)
      throw new EngineError("body_too_large", "The reply is larger than 64 MiB.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Lines that are not empty, as they come. */
export async function* readLines(body: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > lineBytesMax)
      throw new EngineError("body_too_large", "A line of the reply has no end.");
    yield* lines.filter(line => line.trim() !== "");
  }
  if (rest.trim() !== "") yield rest;
}

interface ErrorBody {
  /** `Status`: the API server on the way says this, and no engine was reached. */
  kind?: string;
  code?: string;
  message?: string;
  detail?: string;
  remedy?: string;
  field?: string;
  error?: ErrorBody | string;
}

/** The engine's error as it was; anything else by its status. */
function toError(status: number, text: string): EngineError {
  const body = parseError(text);
  const inner = typeof body.error === "object" ? body.error : body;
  const said = typeof body.error === "string" ? body.error : (inner.message ?? inner.detail);
  if (body.kind === "Status" && status === 503) return notReached(said);
  const code = isErrorCode(inner.code) ? inner.code : codeOf(status);
  const shown = text.trim().slice(0, 300);
  return new EngineError(code, said ?? `The engine answered ${status}: ${shown || "nothing"}.`, {
    ...(inner.remedy === undefined ? {} : { remedy: inner.remedy }),
    ...(inner.field === undefined ? {} : { field: inner.field }),
  });
}

function notReached(said: string | undefined): EngineError {
  return new EngineError("stopping", `No gateway answers: ${said ?? "none is ready"}.`, {
    remedy: "Run `kollama doctor`.",
  });
}

function parseError(text: string): ErrorBody {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

function isErrorCode(code: string | undefined): code is ErrorCode {
  return code !== undefined && Object.hasOwn(errorTable, code);
}

function codeOf(status: number): ErrorCode {
  if (status === 401) return "unauthorized";
  if (status === 403) return "forbidden";
  if (status === 404) return "not_found";
  return status >= 500 ? "stopping" : "invalid_request";
}
