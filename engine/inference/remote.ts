/** The remote backend: a model that a worker serves, or any server that speaks OpenAI's API. */
import type { GenerateItem, GenerateRequest } from "../contract/chat.ts";
import { paths } from "../contract/endpoints.ts";
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import { type WorkerCount, type WorkerLoad, workerPaths } from "../contract/worker.ts";
import type { Clock } from "../kit/clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Backend } from "./backend.ts";
import { createChunkReader } from "./remote/chunks.ts";
import { createConnection } from "./remote/connection.ts";
import { readServerFacts, readWorkerFacts } from "./remote/facts.ts";
import { isCount, isEmbeddings } from "./remote/shapes.ts";
import { type ServerKind, toCounted, toWish } from "./remote/wish.ts";
import { workerGone } from "./remote/worker-gone.ts";
import { toAbortError } from "./slots.ts";

export interface RemoteOptions {
  /** Base URL of a worker; of a server of others with or without its `/v1`. */
  url: string;
  /** The model's name there. */
  model: string;
  /** Asked for each request where it may change. */
  key?: string | (() => string) | undefined;
  kind: ServerKind;
  clock: Clock;
  telemetry: Telemetry;
  /** How long a reply that has begun may say nothing. */
  silenceMs?: number;
  /** A worker that may not serve yet: it is asked first, which its log does not mention. */
  isStarting?: boolean;
}

export interface RemoteBackend extends Backend {
  /** All requests there, those of other gateways included, as the worker said last. */
  reported(): WorkerLoad | undefined;
}

/** A server of others gives no sign of life between its tokens. */
const silenceOfOthersMs = 120_000;
const charactersPerToken = 4;
const forgetTriesMax = 3;

/** Asks the server for the model's facts first. @throws EngineError of a server that cannot be reached or does not serve the model */
export async function createRemoteBackend(
  options: RemoteOptions,
  signal: AbortSignal = new AbortController().signal,
): Promise<RemoteBackend> {
  const { kind, model, clock } = options;
  const log = options.telemetry.log.with({ model });
  const connection = createConnection({
    url: options.url.replace(/\/$/, "").replace(/\/v1$/, ""),
    key: options.key,
    clock,
    silenceMs:
      options.silenceMs ?? (kind === "worker" ? limits.workerSilenceMs : silenceOfOthersMs),
  });
  const readFacts = kind === "worker" ? readWorkerFacts : readServerFacts;
  const asked =
    options.isStarting === true
      ? connection.ask(paths.serving, undefined, signal, limits.workerAnswerMs)
      : Promise.resolve();
  const facts = await asked
    .then(() => readFacts(connection, model, signal))
    .catch((error: unknown) => {
      connection.close();
      throw error;
    });
  const never = new AbortController().signal;
  let reported: WorkerLoad | undefined;
  let running = 0;
  let waiting = 0;
  /** What was asked to be forgotten is, before anything else is asked. */
  let forgotten: Promise<void> = Promise.resolve();

  async function* generate(
    request: GenerateRequest,
    caller: AbortSignal,
  ): AsyncGenerator<GenerateItem> {
    const { path, body } = toWish(request, { model, kind });
    let state: "waiting" | "running" = "waiting";
    waiting += 1;
    try {
      await unlessAborted(forgotten, caller);
      const reader = createChunkReader(() => clock.monotonic());
      for await (const data of connection.stream(path, body, caller)) {
        if (state === "waiting") {
          state = "running";
          waiting -= 1;
          running += 1;
        }
        yield* reader.read(data);
        reported = reader.load() ?? reported;
      }
      const done = reader.done();
      if (done === undefined)
        throw workerGone("begun", `The reply of ${options.url} ended without saying how.`);
      yield done;
    } finally {
      if (state === "waiting") waiting -= 1;
      else running -= 1;
    }
  }

  const forget = async (cacheScope: string) => {
    for (let tries = 1; ; tries++) {
      try {
        const within = limits.workerAnswerMs;
        return await connection.ask(workerPaths.forget, { cacheScope }, never, within);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        const isOver = error instanceof EngineError && error.code === "stopping";
        if (isOver || tries === forgetTriesMax) return log.warn("not told to forget", { why });
      }
    }
  };

  return {
    facts: () => facts,
    // Of this engine's own requests: what the worker says of all is in `reported`.
    load: () => ({
      busySlots: running,
      waiting,
      ...(reported === undefined ? {} : { tokensWaiting: reported.tokensWaiting }),
    }),
    reported: () => reported,
    failure: () => undefined,
    generate,
    async countTokens(input) {
      const { body } = toCounted(input, model);
      if (kind === "worker") {
        const counted = await connection.ask(workerPaths.count, body, never, limits.workerAnswerMs);
        if (!isCount(counted)) throw strange(options.url);
        return (counted as WorkerCount).tokens;
      }
      // Nobody counts there; the question shows at least that the server lives.
      await connection.ask("/v1/models", undefined, never, limits.workerAnswerMs);
      return Math.ceil(JSON.stringify(input).length / charactersPerToken);
    },
    async embed(texts, caller) {
      if (texts.length === 0) return { vectors: [], promptTokens: 0 };
      const body = { model, input: texts, encoding_format: "base64" };
      const answer = await connection.ask("/v1/embeddings", body, caller);
      if (!isEmbeddings(answer)) throw strange(options.url);
      const reply = answer as EmbeddingsReply;
      if (reply.data.length !== texts.length) throw strange(options.url);
      const vectors = reply.data
        .toSorted((a, b) => a.index - b.index)
        .map(({ embedding }) => toVector(embedding));
      return { vectors, promptTokens: reply.usage?.prompt_tokens ?? 0 };
    },
    forget(cacheScope) {
      if (kind !== "worker") return;
      forgotten = Promise.all([forgotten, forget(cacheScope)]).then(() => undefined);
    },
    async close() {
      connection.close();
    },
  };
}

/** @throws EngineError of the abort */
async function unlessAborted(wait: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: cut, reject } = Promise.withResolvers<never>();
  const abort = () => reject(toAbortError(signal));
  signal.addEventListener("abort", abort, { once: true });
  try {
    if (signal.aborted) abort();
    await Promise.race([wait, cut]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function strange(url: string): EngineError {
  return new EngineError(
    "model_crashed",
    `The model's server at ${url} answers with what is no answer.`,
  );
}

interface EmbeddingsReply {
  data: { index: number; embedding: string | number[] }[];
  usage?: { prompt_tokens?: number };
}

/** 32-bit floats, little-endian; of unit length, whatever the server thinks of that. */
function toVector(embedding: string | number[]): number[] {
  const values = typeof embedding === "string" ? readFloats(embedding) : embedding;
  const length = Math.hypot(...values);
  return values.map(value => (length === 0 ? 0 : value / length));
}

function readFloats(base64: string): number[] {
  const bytes = Buffer.from(base64, "base64");
  return Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
}
