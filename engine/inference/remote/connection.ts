/** The way to one worker: HTTP over connections that are kept, with a bound on each wait and on what is read. */
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { EngineError, type ErrorCode, errorFromShape, errorTable } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Clock } from "../../kit/clock.ts";
import { toAbortError } from "../slots.ts";
import { readEvents } from "./events.ts";
import { type Gone, workerGone } from "./worker-gone.ts";

export interface Connection {
  /** @throws EngineError as the worker says it, model_crashed when it is gone */
  ask(
    path: string,
    body: object | undefined,
    signal: AbortSignal,
    withinMs?: number,
  ): Promise<unknown>;
  /** The data of each server-sent event. */
  stream(path: string, body: object, signal: AbortSignal): AsyncGenerator<string>;
  close(): void;
}

export interface ConnectionOptions {
  /** Base URL; paths are put behind it. */
  url: string;
  /** Asked for each request where it may change. */
  key: string | (() => string) | undefined;
  clock: Clock;
  /** How long a reply that has begun may say nothing. */
  silenceMs: number;
}

interface Wish {
  path: string;
  body: object | undefined;
  signal: AbortSignal;
}

export function createConnection(options: ConnectionOptions): Connection {
  const base = options.url.replace(/\/$/, "");
  const isTls = base.startsWith("https:");
  const settings = { keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 64 };
  const agent = isTls ? new HttpsAgent(settings) : new HttpAgent(settings);
  const closed = new AbortController();

  /** The head of the answer. A kept connection that the worker closed in this very moment is no sign of its end: one more try. */
  const open = async (wish: Wish): Promise<IncomingMessage> => {
    if (wish.signal.aborted) throw toAbortError(wish.signal);
    try {
      return await send(wish);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      return await send(wish).catch(again => {
        throw again instanceof StaleConnection ? gone("unreached", again) : again;
      });
    }
  };

  const send = ({ path, body, signal }: Wish): Promise<IncomingMessage> => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const text = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const ask = isTls ? requestHttps : requestHttp;
    const key = typeof options.key === "function" ? options.key() : options.key;
    const outgoing = ask(`${base}${path}`, {
      agent,
      method: text === undefined ? "GET" : "POST",
      headers: {
        accept: "application/json, text/event-stream",
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(text === undefined
          ? {}
          : { "content-type": "application/json", "content-length": text.length }),
      },
    });
    const connected = new AbortController();
    void options.clock.sleep(limits.workerConnectMs, connected.signal).then(() => {
      if (!connected.signal.aborted) outgoing.destroy(new Error("no connection in time"));
    });
    outgoing.on("socket", socket => {
      socket.setNoDelay(true);
      if (socket.connecting) socket.once("connect", () => connected.abort());
      else connected.abort();
    });
    const abort = () => outgoing.destroy();
    signal.addEventListener("abort", abort, { once: true });
    outgoing.once("response", resolve);
    outgoing.once("error", error => {
      if (signal.aborted) reject(toAbortError(signal));
      else if (outgoing.reusedSocket && isReset(error)) reject(new StaleConnection(error));
      else reject(gone("unreached", error));
    });
    outgoing.once("close", () => {
      connected.abort();
      signal.removeEventListener("abort", abort);
    });
    outgoing.end(text);
    return promise;
  };

  const gone = (when: Gone, cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    const what =
      when === "unreached" ? "cannot be reached" : "went away in the middle of its reply";
    return workerGone(when, `The worker at ${base} ${what}: ${why}.`, cause);
  };

  /** The bytes of an answer; silence, an abort and a broken connection end it. */
  async function* read(
    incoming: IncomingMessage,
    signal: AbortSignal,
    bytesMax: number,
    silenceMs: number,
  ): AsyncGenerator<Buffer> {
    let bytes = 0;
    const quiet = new Error(`nothing came for ${silenceMs / 1_000} s`);
    const { socket } = incoming;
    // Nothing comes either while nobody reads: a client that dawdles is no sign of a worker's end.
    let isAwaited = true;
    const onTimeout = () => void (isAwaited && incoming.destroy(quiet));
    socket.setTimeout(silenceMs, onTimeout);
    try {
      for await (const chunk of incoming as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > bytesMax) throw tooLarge(base, bytesMax);
        isAwaited = false;
        yield chunk;
        isAwaited = true;
        if (!incoming.complete) socket.setTimeout(silenceMs);
      }
    } catch (error) {
      if (signal.aborted) throw toAbortError(signal);
      if (error instanceof EngineError) throw error;
      throw gone("begun", error);
    } finally {
      socket.off("timeout", onTimeout);
      // With a whole answer the connection was given back, and may be in use for the next one already.
      if (!incoming.complete) incoming.destroy();
    }
    if (!incoming.complete) throw gone("begun", new Error("the connection was closed"));
  }

  const readWhole = async (incoming: IncomingMessage, signal: AbortSignal): Promise<string> => {
    const chunks: Buffer[] = [];
    const answer = read(incoming, signal, limits.workerReplyBytesMax, limits.workerAnswerMs);
    for await (const chunk of answer) chunks.push(chunk);
    return Buffer.concat(chunks).toString("utf8");
  };

  const refuse = async (incoming: IncomingMessage, signal: AbortSignal): Promise<never> => {
    const text = await readWhole(incoming, signal);
    throw toWorkerError(parse(text), incoming.statusCode ?? 0, incoming.headers["retry-after"]);
  };

  return {
    async ask(path, body, caller, withinMs) {
      const late = new AbortController();
      const over = new AbortController();
      if (withinMs !== undefined)
        void options.clock.sleep(withinMs, over.signal).then(() => {
          const why = new Error(`no answer in ${withinMs / 1_000} s`);
          if (!over.signal.aborted) late.abort(gone("unreached", why));
        });
      const signal = AbortSignal.any([caller, closed.signal, late.signal]);
      try {
        const incoming = await open({ path, body, signal });
        if (incoming.statusCode !== 200) return await refuse(incoming, signal);
        return parse(await readWhole(incoming, signal));
      } finally {
        over.abort();
      }
    },
    async *stream(path, body, caller) {
      const signal = AbortSignal.any([caller, closed.signal]);
      const incoming = await open({ path, body, signal });
      if (incoming.statusCode !== 200) return await refuse(incoming, signal);
      const unbounded = Number.POSITIVE_INFINITY;
      yield* readEvents(read(incoming, signal, unbounded, options.silenceMs), base);
    },
    close() {
      if (!closed.signal.aborted)
        closed.abort(new EngineError("stopping", "The model is being stopped."));
      agent.destroy();
    },
  };
}

class StaleConnection extends Error {
  override readonly name = "StaleConnection";

  constructor(cause: unknown) {
    super("the kept connection was closed", { cause });
  }
}

function isReset(error: NodeJS.ErrnoException): boolean {
  return error.code === "ECONNRESET" || error.code === "EPIPE";
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function tooLarge(base: string, bytesMax: number): EngineError {
  const megabytes = bytesMax / 1024 / 1024;
  return new EngineError(
    "internal",
    `The worker at ${base} answers with more than ${megabytes} MiB.`,
  );
}

/** The very error of a worker of ours; of others what their status means. */
export function toWorkerError(
  value: unknown,
  status: number,
  retryAfter: string | undefined,
): EngineError {
  const { echo, error } = (value ?? {}) as {
    echo?: { error?: { code?: string } };
    error?: { message?: unknown; param?: unknown } | string;
  };
  const shape = echo?.error;
  if (shape?.code !== undefined && Object.hasOwn(errorTable, shape.code))
    return errorFromShape(shape as Parameters<typeof errorFromShape>[0]);
  if (status === 401 || status === 403) return keyRefused(status);
  const said = typeof error === "string" ? error : error?.message;
  const message = typeof said === "string" ? said : `The model's server answered with ${status}.`;
  const field =
    typeof error === "object" && typeof error?.param === "string" ? error.param : undefined;
  const seconds = Number(retryAfter);
  return new EngineError(toCode(status), message, {
    ...(field === undefined ? {} : { field }),
    ...(seconds > 0 ? { retryAfterSeconds: seconds } : {}),
  });
}

/** No fault of the client's own key; what the server says of ours may hold a part of it. */
function keyRefused(status: number): EngineError {
  return new EngineError(
    "model_not_ready",
    `The model's server refuses the key of this engine (${status}).`,
    { remedy: "Put a valid key into the Secret that the model's `sourceSecret` names." },
  );
}

function toCode(status: number): ErrorCode {
  if (status === 404) return "model_not_found";
  if (status === 413) return "body_too_large";
  if (status === 429 || status === 503) return "overloaded";
  if (status === 504) return "deadline_exceeded";
  return status >= 400 && status < 500 ? "invalid_request" : "model_crashed";
}
