/** Replies: JSON at once, or lines as they come, no faster than the client reads them. */
import type { EngineError } from "../contract/errors.ts";
import type { Call } from "./call.ts";
import { toEngineError } from "./errors.ts";

export interface StreamOptions {
  contentType: string;
  headers?: Record<string, string>;
  /** The last thing written when the stream fails half-way. */
  renderError: (error: EngineError) => string;
}

export const ndjson = "application/x-ndjson";
export const eventStream = "text/event-stream; charset=utf-8";

export function json(
  value: unknown,
  options: { status?: number; headers?: Record<string, string>; contentType?: string } = {},
): Response {
  return new Response(JSON.stringify(value), {
    status: options.status ?? 200,
    headers: {
      "content-type": options.contentType ?? "application/json; charset=utf-8",
      ...options.headers,
    },
  });
}

export function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** One server-sent event; `name` is left out where the dialect has none. */
export function event(value: unknown, name?: string): string {
  return `${name === undefined ? "" : `event: ${name}\n`}data: ${JSON.stringify(value)}\n\n`;
}

/** Asks `texts` for the next piece only when the client has taken the last. */
export function stream(call: Call, texts: AsyncIterable<string>, options: StreamOptions): Response {
  const encoder = new TextEncoder();
  const iterator = texts[Symbol.asyncIterator]();
  const written = Promise.withResolvers<void>();
  call.written = written.promise;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const next = await iterator.next();
        if (!next.done) return controller.enqueue(encoder.encode(next.value));
      } catch (thrown) {
        const text = describeFailure(call, thrown, options);
        if (text !== undefined) controller.enqueue(encoder.encode(text));
      }
      closeQuietly(controller);
      written.resolve();
    },
    async cancel() {
      call.abandon();
      await iterator.return?.().catch(() => undefined);
      written.resolve();
    },
  });
  return new Response(body, {
    headers: {
      "content-type": options.contentType,
      "cache-control": "no-cache",
      // Proxies that collect what they forward would turn a stream into one late piece.
      "x-accel-buffering": "no",
      ...options.headers,
    },
  });
}

function describeFailure(call: Call, thrown: unknown, options: StreamOptions): string | undefined {
  if (call.signal.aborted) return undefined;
  const error = toEngineError(thrown, call.log);
  call.log.warn("a stream ended with an error", { code: error.code, error: error.message });
  return options.renderError(error);
}

function closeQuietly(controller: ReadableStreamDefaultController): void {
  try {
    controller.close();
  } catch {
    // The client cancelled while the last piece was made: it is closed already.
  }
}
