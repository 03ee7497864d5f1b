/** Backend: from messages or a prompt to tokens. The seam behind which llama.cpp, other machines and the scripted model stand. */
import type {
  BackendFacts,
  EmbedResult,
  GenerateInput,
  GenerateItem,
  GenerateRequest,
} from "../contract/chat.ts";
import type { EngineError } from "../contract/errors.ts";

export type { BackendFacts };

/** What a backend is doing now, for metrics and admission. */
export interface BackendLoad {
  busySlots: number;
  waiting: number;
  /** Prompt and completion tokens that admitted requests still want, about. */
  tokensWaiting?: number;
  /** Tokens whose keys and values are held, of `slots` × `contextTokens`. */
  heldTokens?: number;
}

/**
 * One loaded model.
 *
 * Every implementation passes test/conformance/backend.ts, which holds these promises:
 * - `generate` renders the model's own template, and yields text, thoughts and tool calls and at last exactly one `done`;
 *   text never holds a stop string, half a character or template markup.
 * - Requests beyond `slots` wait, in the order of their arrival, at most `limits.queueLengthMax`; the next is refused with `overloaded`.
 * - Aborting `signal` (or ending the iteration early) frees the slot within one batch; the iterator then throws `cancelled`.
 * - A prompt that does not fit is refused with `context_exceeded` before anything is evaluated.
 * - When the process behind it dies, running requests throw `model_crashed`, and the backend comes back by itself,
 *   until it has died so often that `failure` says why it is given up.
 * - What `generate` has cached of a scope is used again for that scope alone, until `forget` of it.
 * - With temperature 0 and nothing else running, equal requests yield equal text.
 * - Every item but `done` carries `raw` and `tokens`; a request with them as `already` yields what was still to come, and the
 *   text of both parts is the text of one whole reply (for a model whose tokens depend on how a text was cut: of one with that prefix).
 * - All that crosses it survives JSON.
 */
export interface Backend {
  facts(): BackendFacts;
  load(): BackendLoad;
  /** Why it will never answer again, when it has been given up; residency then calls the model failed. */
  failure(): EngineError | undefined;
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<GenerateItem>;
  /** Tokens of the input as `generate` would see it, template included. */
  countTokens(input: GenerateInput): Promise<number>;
  embed(texts: readonly string[], signal: AbortSignal): Promise<EmbedResult>;
  /** Keeps nothing of the scope's prompts and replies; of a running request, nothing after its end. */
  forget(cacheScope: string): void;
  /** Ends running requests with `stopping`, then frees everything. Idempotent. */
  close(): Promise<void>;
}
