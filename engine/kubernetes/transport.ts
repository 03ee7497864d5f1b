/** Requests to one API server over kept connections: credentials, timeouts, bounded replies, and another try where it is safe. */
import {
  type Agent,
  type IncomingMessage,
  Agent as PlainAgent,
  request as plainRequest,
} from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { Clock } from "../kit/clock.ts";
import type { Connection, Credentials } from "./connection.ts";
import { toApiError, unreachable } from "./errors.ts";

export interface ApiRequest {
  method: string;
  /** With its query. */
  path: string;
  /** What is being done, for the sentence of an error: `list of pods`. */
  what: string;
  /** Sent as JSON. */
  body?: unknown;
  contentType?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface Transport {
  /** The reply's JSON. @throws KubernetesError */
  json<Value>(request: ApiRequest): Promise<Value>;
  /** The reply while it comes: watches and logs. @throws KubernetesError for a status of 400 and more */
  stream(request: ApiRequest): Promise<IncomingMessage>;
  /** The reply whatever its status is; `text` is sent as it is. */
  raw(request: Sent): Promise<IncomingMessage>;
  close(): void;
}

/** Of one reply that is read as a whole, until its end. */
const replyMsMax = 30_000;
/** Until a reply begins that comes bit by bit. */
const headMsMax = 15_000;
const connectionsMax = 32;
const attemptsMax = 4;
const waitSecondsMax = 10;
const errorBytesMax = 64 * 1024;

export function createTransport(connection: Connection, clock: Clock): Transport {
  const isSecure = connection.server.startsWith("https:");
  const makeAgent = (maxSockets: number): Agent => {
    const options = { keepAlive: true, maxSockets, scheduling: "lifo" as const };
    return isSecure ? new SecureAgent(options) : new PlainAgent(options);
  };
  const agents = { short: makeAgent(connectionsMax), long: makeAgent(Number.POSITIVE_INFINITY) };

  async function send(request: Sent, agent: Agent, signal: AbortSignal) {
    let isRefused = false;
    for (let attempt = 1; ; attempt++) {
      const credentials = await connection.credentials(isRefused);
      const exchange = { connection, credentials, agent, signal };
      const reply = await sendOnce(request, exchange).catch(error => {
        if (attempt < attemptsMax && isStale(error, request)) return undefined;
        throw toTransportError(connection, error, signal);
      });
      if (reply === undefined) continue;
      const status = reply.statusCode ?? 0;
      const isLast = attempt >= attemptsMax;
      if (status === 401 && !isRefused) isRefused = true;
      else if (status === 429 && !isLast) await clock.sleep(waitOf(reply) * 1000, signal);
      else return reply;
      reply.resume();
    }
  }

  return {
    async json<Value>(request: ApiRequest) {
      const signal = within(request.signal, replyMsMax);
      const reply = await send(request, agents.short, signal);
      const status = reply.statusCode ?? 0;
      try {
        const text = await readText(reply, limits.kubernetesReplyBytesMax);
        if (status < 400) return JSON.parse(text) as Value;
        throw toApiError(request.what, status, text);
      } catch (error) {
        throw toTransportError(connection, error, signal);
      }
    },
    async stream(request) {
      // The deadline is for the head alone: what follows may take for ever.
      const deadline = new AbortController();
      const timer = setTimeout(() => deadline.abort(timeout()), headMsMax);
      const signal =
        request.signal === undefined
          ? deadline.signal
          : AbortSignal.any([request.signal, deadline.signal]);
      try {
        const reply = await send(request, agents.long, signal);
        if ((reply.statusCode ?? 0) < 400) return reply;
        throw toApiError(request.what, reply.statusCode ?? 0, await readText(reply, errorBytesMax));
      } catch (error) {
        throw toTransportError(connection, error, signal);
      } finally {
        clearTimeout(timer);
      }
    },
    async raw(request) {
      const signal = request.signal ?? new AbortController().signal;
      try {
        return await send(request, agents.long, signal);
      } catch (error) {
        throw toTransportError(connection, error, signal);
      }
    },
    close() {
      agents.short.destroy();
      agents.long.destroy();
    },
  };
}

type Sent = ApiRequest & { text?: string | undefined };

interface Exchange {
  connection: Connection;
  credentials: Credentials;
  agent: Agent;
  signal: AbortSignal;
}

function sendOnce(request: Sent, exchange: Exchange): Promise<IncomingMessage> {
  const { connection, credentials, agent, signal } = exchange;
  const text =
    request.text ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
  const body = text === undefined ? undefined : Buffer.from(text);
  const secure = {
    ...(connection.authorities === undefined ? {} : { ca: connection.authorities }),
    ...(connection.serverName === undefined ? {} : { servername: connection.serverName }),
    ...(connection.insecure ? { rejectUnauthorized: false } : {}),
    ...(credentials.certificate === undefined ? {} : { cert: credentials.certificate }),
    ...(credentials.key === undefined ? {} : { key: credentials.key }),
  };
  const headers = {
    accept: "application/json",
    "user-agent": "echorator",
    ...request.headers,
    ...(credentials.authorization === undefined
      ? {}
      : { authorization: credentials.authorization }),
    ...(body === undefined
      ? {}
      : {
          "content-type": request.contentType ?? "application/json",
          "content-length": body.length,
        }),
  };
  const options = { method: request.method, headers, agent, signal };
  const url = new URL(connection.server + request.path);
  return new Promise((resolve, reject) => {
    const outgoing =
      url.protocol === "https:"
        ? secureRequest(url, { ...options, ...secure })
        : plainRequest(url, options);
    // A watch says nothing for long; the system finds out whether the other side is still there.
    outgoing.on("socket", socket => socket.setKeepAlive(true, 15_000));
    outgoing.on("response", resolve);
    outgoing.on("error", error => reject(Object.assign(error, { reused: outgoing.reusedSocket })));
    outgoing.end(body);
  });
}

/** A kept connection that the server closed meanwhile; creating twice would be a difference. */
function isStale(error: unknown, { method }: ApiRequest): boolean {
  const { code, reused } = error as { code?: string; reused?: boolean };
  return reused === true && method !== "POST" && (code === "ECONNRESET" || code === "EPIPE");
}

function waitOf(reply: IncomingMessage): number {
  const seconds = Number(reply.headers["retry-after"] ?? 1);
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 1), waitSecondsMax) : 1;
}

function timeout(): Error {
  return new DOMException("no answer in time", "TimeoutError");
}

function within(signal: AbortSignal | undefined, ms: number): AbortSignal {
  const deadline = AbortSignal.timeout(ms);
  return signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
}

export async function readText(reply: IncomingMessage, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of reply as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax)
      throw new EngineError(
        "kubernetes_failed",
        `The API's reply is longer than ${bytesMax} bytes.`,
        {
          remedy: "Ask for less, such as one namespace or a label.",
        },
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function toTransportError(connection: Connection, error: unknown, signal: AbortSignal): Error {
  if (error instanceof EngineError) return error;
  const reason: unknown = signal.aborted ? signal.reason : error;
  if (reason instanceof DOMException && reason.name === "AbortError")
    return new EngineError("cancelled", "The request to the Kubernetes API was given up.");
  const { code, message } = reason as { code?: string; message?: string };
  return unreachable(connection.server, [code, message].filter(Boolean).join(" "), error);
}
