/** Requests to an engine by its URL. */
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { EngineError } from "../contract/errors.ts";
import type { Send } from "./engine-client.ts";

/** `node:http` and not fetch, whose silence limit of five minutes is shorter than loading a large model may take. */
export function sendByHttp(url: string): Send {
  const base = toBase(url);
  const begin = base.protocol === "https:" ? requestHttps : requestHttp;
  return async ({ method, path, headers, body }, signal) => {
    const reply = await new Promise<IncomingMessage>((resolve, reject) => {
      const target = new URL(`${base.href.replace(/\/$/, "")}${path}`);
      const outgoing = begin(target, { method, headers, signal, agent: false }, resolve);
      outgoing.once("error", error => reject(toUnreachable(base, error, signal)));
      outgoing.end(body);
    });
    return { status: reply.statusCode ?? 0, body: reply };
  };
}

function toBase(url: string): URL {
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (base !== undefined && /^https?:$/.test(base.protocol)) return base;
  throw new EngineError("invalid_request", `"${url}" is no URL of an engine.`, {
    field: "url",
    remedy: `Write http://127.0.0.1:5000.`,
  });
}

function toUnreachable(base: URL, error: Error, signal: AbortSignal): EngineError {
  const isTimeout = signal.aborted && signal.reason?.name === "TimeoutError";
  if (signal.aborted && !isTimeout) return new EngineError("cancelled", "It was interrupted.");
  const why = isTimeout ? "it does not answer in time" : error.message;
  return new EngineError("stopping", `The engine at ${base.origin} cannot be reached: ${why}.`, {
    remedy: "Start it with `npm run up`, or name another with --url.",
    cause: error,
  });
}
