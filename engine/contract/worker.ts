/** The worker protocol: what a gateway says to the engines that only infer, beside OpenAI's own fields. */
import { z } from "zod";
import type { BackendFacts } from "./chat.ts";
import type { ErrorShape } from "./errors.ts";
import type { ModelFacts, ModelState } from "./model.ts";

/** Beside OpenAI's paths, health and metrics a worker has these and nothing else. */
export const workerPaths = {
  /** Models, their state, facts and load: WorkerModels. */
  models: "/worker/v1/models",
  /** Tokens of an input, as `generate` would see it. */
  count: "/worker/v1/count",
  /** POST {cacheScope}: nothing of it is kept. */
  forget: "/worker/v1/forget",
} as const;

/** The key that gateways show to workers, in a file or Secret; none = the network alone keeps others out. */
export const workerKeyVariable = "ECHORATOR_WORKER_KEY";

/** Sampling as the engine has it. */
const WorkerSampling = z
  .strictObject({
    temperature: z.number().min(0),
    topK: z.int().min(0),
    topP: z.number().min(0).max(1),
    minP: z.number().min(0).max(1),
    seed: z.number(),
    repeatPenalty: z.number().min(0),
    repeatLastTokens: z.int(),
    presencePenalty: z.number(),
    frequencyPenalty: z.number(),
  })
  .partial();

/**
 * The field `echo` of a request to `/v1/chat/completions` or `/v1/completions`.
 * A server that is none of ours ignores it.
 */
export const WorkerRequest = z.strictObject({
  /** Requests with the same scope may share cached prefixes; others never do. */
  cacheScope: z.string().min(1).max(512).optional(),
  /** The reply as another worker began it: it is gone on with, and not sent again. */
  already: z
    .strictObject({
      /** As the model wrote it, markup included: the `raw` of all chunks, joined. */
      raw: z.string().max(4 * 1024 * 1024),
      /** Tokens that it took. */
      tokens: z.int().min(0),
      /** What of it the client has. */
      shown: z
        .strictObject({
          text: z.int().min(0),
          thought: z.int().min(0),
          toolCalls: z.int().min(0),
        })
        .optional(),
    })
    .optional(),
  /** Exactly what is wished, where OpenAI's fields cannot say it; it goes before them. */
  sampling: WorkerSampling.optional(),
  /** Milliseconds that are left until nobody waits any more. */
  deadlineMs: z.int().min(1).optional(),
});
export type WorkerRequest = z.infer<typeof WorkerRequest>;

/** The field `echo` of every chunk of a streamed reply of a worker, to requests that have the field as well. */
export interface WorkerChunk {
  /** What the model wrote since the last chunk, markup included. */
  raw?: string;
  /** Completion tokens so far, those of `already` included. */
  tokens?: number;
  /** A thought of the model, where OpenAI's form has no place for it. */
  thought?: string;
  /** On the last chunk. */
  timings?: { queueMs: number; promptMs: number; decodeMs: number };
  cachedTokens?: number;
  load?: WorkerLoad;
}

export interface WorkerLoad {
  busySlots: number;
  waiting: number;
  slots: number;
  /** Prompt and completion tokens that admitted requests still want. */
  tokensWaiting: number;
}

export interface WorkerModel {
  name: string;
  aliases: string[];
  state: ModelState;
  error: { code: string; message: string; remedy: string } | undefined;
  progress: { completedBytes: number; totalBytes: number | undefined } | undefined;
  facts: ModelFacts | undefined;
  sha256: string | undefined;
  /** Bytes that the loaded model takes, as measured. */
  memoryBytes: number | undefined;
  loadMs: number | undefined;
  backend: BackendFacts | undefined;
  load: WorkerLoad | undefined;
}

/** Beside OpenAI's `error` in a worker's refusals: the very error, so that it is the same one on the other side. */
export interface WorkerRefusal {
  echo: { error: ErrorShape };
}

/** Body of POST /worker/v1/forget. */
export const ForgetRequest = z.strictObject({ cacheScope: z.string().min(1).max(512) });

/** Reply of POST /worker/v1/count, whose body is that of a chat or completion. */
export interface WorkerCount {
  tokens: number;
}

export interface WorkerModels {
  instance: string;
  version: string;
  models: WorkerModel[];
}
