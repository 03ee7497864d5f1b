/** What the engine and an inference process say to each other: one JSON message each way, in order. */
import type {
  EmbedResult,
  GenerateInput,
  GenerateItem,
  GenerateRequest,
} from "../../contract/chat.ts";
import type { ErrorShape } from "../../contract/errors.ts";
import type { KvType } from "../../contract/model.ts";
import type { LogLevel } from "../../telemetry/telemetry.ts";
import type { BackendFacts } from "../backend.ts";

export interface OpenSettings {
  path: string;
  /** Tokens of one sequence; the file's own, at most `contextTokensDefault`, when absent. */
  contextTokens?: number;
  slots: number;
  /** Types of the cached keys and values; 16-bit floats when absent. */
  kv?: { keys: KvType; values: KvType };
  /** LoRA adapters, in this order; those of scale 0 are left out. */
  adapters?: { path: string; scale: number; bytes: number }[];
  /** Threads that a grant will ever be. */
  threadsMax: number;
}

export type ToChild =
  | { type: "open"; settings: OpenSettings }
  | { type: "generate"; id: number; request: GenerateRequest }
  | { type: "count"; id: number; input: GenerateInput }
  | { type: "embed"; id: number; texts: string[] }
  | { type: "cancel"; id: number }
  /** Answered by `alive` at once. */
  | { type: "ping" }
  /** Keep nothing of this cache scope. */
  | { type: "forget"; scope: string }
  /** Compute with so many threads from the next batch on; 0 = pause. Answered by `granted`. */
  | { type: "grant"; threads: number; grant: number };

export type FromChild =
  | { type: "ready"; facts: BackendFacts }
  | { type: "failed"; error: ErrorShape }
  /** The items of one batch, each with the id of its request; `done` ends a request. `held`: tokens in all sequences. */
  | { type: "items"; items: [id: number, item: GenerateItem][]; held: number }
  | { type: "counted"; id: number; tokens: number }
  | { type: "embedded"; id: number; result: EmbedResult }
  /** Ends a request. */
  | { type: "error"; id: number; error: ErrorShape }
  | { type: "granted"; grant: number }
  | { type: "alive" }
  | { type: "log"; level: LogLevel; message: string };
