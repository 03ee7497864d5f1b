/** The engine's Admin API as the provider uses it. */
import { type IncomingMessage, request } from "node:http";
import type { EngineConfigInput } from "../../engine/contract/config.ts";
import { paths } from "../../engine/contract/endpoints.ts";
import type { ModelSpec, ModelStatus } from "../../engine/contract/model.ts";
import type { StartedHealth } from "../../engine/contract/supervision.ts";

/** The engine said no, or said nothing; the message ends with what to do. */
export class AdminError extends Error {
  override readonly name = "AdminError";
  /** HTTP status; undefined when the engine could not be reached. */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

export interface AdminClient {
  /** Resolves with the last status: the model is as `spec` says. */
  putModel(
    spec: ModelSpec,
    onStatus: (status: ModelStatus) => void,
    signal: AbortSignal,
  ): Promise<ModelStatus>;
  getModel(name: string): Promise<ModelStatus | undefined>;
  /** A model that is not there is as good as removed. */
  deleteModel(name: string): Promise<void>;
  patchConfig(config: EngineConfigInput): Promise<{ needsRestart: string[] }>;
}

const shortMs = 10_000;
/** One line of progress; a model's status carries its chat template. */
const lineBytesMax = 32 * 1024 * 1024;

export function createAdminClient(url: string, key: string): AdminClient {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const call = async (method: string, path: string, body?: unknown) => {
    const signal = AbortSignal.timeout(shortMs);
    const reply = await send(`${url}${path}`, { method, headers, body, signal });
    return { status: reply.statusCode ?? 0, text: await readText(reply) };
  };
  const modelPath = (name: string) => `${paths.adminModels}/${encodeURIComponent(name)}`;
  return {
    async putModel(spec, onStatus, signal) {
      const path = `${url}${modelPath(spec.name)}?owner=stack`;
      const reply = await send(path, { method: "PUT", headers, body: spec, signal });
      if (reply.statusCode !== 200) throw toError(reply.statusCode ?? 0, await readText(reply));
      return await readStatuses(reply, onStatus, signal);
    },
    async getModel(name) {
      const { status, text } = await call("GET", modelPath(name));
      if (status === 404) return undefined;
      if (status !== 200) throw toError(status, text);
      return JSON.parse(text) as ModelStatus;
    },
    async deleteModel(name) {
      const { status, text } = await call("DELETE", `${modelPath(name)}?owner=stack`);
      if (status >= 400 && status !== 404) throw toError(status, text);
    },
    async patchConfig(config) {
      const { status, text } = await call("PATCH", paths.adminConfig, config);
      if (status !== 200) throw toError(status, text);
      const reply = JSON.parse(text) as { needsRestart?: string[] };
      return { needsRestart: reply.needsRestart ?? [] };
    },
  };
}

/** Whose engine answers at `url`; undefined while none does. */
export async function askInstance(url: string): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(2_000);
    const reply = await send(`${url}${paths.started}`, { method: "GET", headers: {}, signal });
    const text = await readText(reply);
    return reply.statusCode === 200 ? (JSON.parse(text) as StartedHealth).instance : undefined;
  } catch {
    return undefined;
  }
}

/** `node:http` and not fetch, whose silence limit of five minutes is shorter than loading a large model may take. */
function send(
  url: string,
  options: { method: string; headers: Record<string, string>; body?: unknown; signal: AbortSignal },
): Promise<IncomingMessage> {
  const { method, headers, body, signal } = options;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, signal, agent: false }, resolve);
    outgoing.once("error", error =>
      reject(
        isCancelled(signal)
          ? new AdminError("cancelled")
          : new AdminError(
              `the engine at ${new URL(url).origin} cannot be reached: ${error.message}`,
            ),
      ),
    );
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function isCancelled({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof Error && reason.name === "TimeoutError");
}

async function readText(reply: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of reply) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

async function readStatuses(
  reply: IncomingMessage,
  onStatus: (status: ModelStatus) => void,
  signal: AbortSignal,
): Promise<ModelStatus> {
  let last: ModelStatus | undefined;
  try {
    for await (const line of readLines(reply)) {
      const value = JSON.parse(line) as ModelStatus | { error: ErrorBody };
      if (!("state" in value)) throw toError(200, line);
      last = value;
      onStatus(value);
    }
  } catch (error) {
    if (signal.aborted) throw new AdminError("cancelled");
    if (error instanceof AdminError) throw error;
    throw new AdminError(`the engine broke off: ${error instanceof Error ? error.message : error}`);
  }
  if (last === undefined || last.state !== "ready")
    throw new AdminError(`the engine broke off while the model was ${last?.state ?? "pending"}.`);
  return last;
}

export async function* readLines(chunks: AsyncIterable<unknown>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = `${rest}${decoder.decode(chunk as Uint8Array, { stream: true })}`.split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > lineBytesMax) throw new Error("a line of the reply has no end");
    yield* lines.filter(line => line.trim() !== "");
  }
  if (rest.trim() !== "") yield rest;
}

interface ErrorBody {
  code?: string;
  message?: string;
  detail?: string;
  title?: string;
  remedy?: string;
}

function toError(status: number, text: string): AdminError {
  const body = parseError(text);
  const message = body?.message ?? body?.detail ?? body?.title ?? `the engine answered ${status}`;
  const sentence = /[.!?]$/.test(message) ? message : `${message}.`;
  return new AdminError([sentence, body?.remedy].filter(Boolean).join(" "), status);
}

function parseError(text: string): ErrorBody | undefined {
  try {
    const body = JSON.parse(text) as ErrorBody & { error?: ErrorBody };
    return body.error ?? body;
  } catch {
    return undefined;
  }
}
