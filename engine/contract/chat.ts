/** What goes into a model and what comes out: plain data that survives JSON, the same for every dialect and every backend. */

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | JsonValue[]
  | { [key: string]: JsonValue };

export type JsonSchema = { [key: string]: JsonValue };

export interface ToolCall {
  id: string;
  name: string;
  /** Key order is kept as the model wrote it. */
  arguments: { [key: string]: JsonValue };
}

export type Message =
  | { role: "system"; content: string }
  | { role: "user"; content: string }
  | { role: "assistant"; content: string; toolCalls?: ToolCall[]; thought?: string }
  | { role: "tool"; content: string; toolCallId?: string; toolName?: string };

export interface ToolDefinition {
  name: string;
  description?: string;
  parameters?: JsonSchema;
}

export type ToolChoice = "auto" | "none" | "required" | { name: string };

export type OutputFormat =
  | { type: "text" }
  | { type: "json" }
  | { type: "schema"; schema: JsonSchema };

/** Every field is optional; absent = the model's default, then `defaultSampling`. */
export interface Sampling {
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  seed?: number;
  repeatPenalty?: number;
  /** Tokens that the penalties look back over. */
  repeatLastTokens?: number;
  presencePenalty?: number;
  frequencyPenalty?: number;
}

/** Ollama's defaults, which its clients expect. */
export const defaultSampling = {
  temperature: 0.8,
  topK: 40,
  topP: 0.9,
  minP: 0,
  repeatPenalty: 1,
  repeatLastTokens: 64,
  presencePenalty: 0,
  frequencyPenalty: 0,
} as const satisfies Sampling;

export type GenerateInput =
  | { kind: "messages"; messages: Message[]; tools?: ToolDefinition[]; toolChoice?: ToolChoice }
  /** A prompt as it is, without a template. */
  | { kind: "prompt"; prompt: string };

export interface GenerateRequest {
  input: GenerateInput;
  format?: OutputFormat;
  sampling?: Sampling;
  stop?: string[];
  /** Completion tokens at most; absent = what the context leaves, at most limits.completionTokensDefault. */
  maxTokens?: number;
  /** Requests with the same scope (a conversation, a tenant) may share cached prefixes; others never do. */
  cacheScope: string;
  /** The reply as another backend began it: it is gone on with, and what it holds is not yielded again. */
  already?: BegunReply;
}

/** A reply that was cut: enough to go on with it elsewhere. */
export interface BegunReply {
  /** As the model wrote it, markup included: the `raw` of the items, joined. */
  raw: string;
  tokens: number;
  /**
   * What of it was yielded, so that nothing of it is yielded again and nothing is left out: one token may bring several items.
   * Absent: all that `raw` shows by itself.
   */
  shown?: ShownReply;
}

export interface ShownReply {
  /** Characters (UTF-16) of text and of thoughts. */
  text: number;
  thought: number;
  toolCalls: number;
}

/** What one loaded model can do, and how much of it. */
export interface BackendFacts {
  /** Tokens of one sequence. */
  contextTokens: number;
  /** Sequences that are decoded together. */
  slots: number;
  /** Bytes that the loaded model takes; undefined when unknown. */
  memoryBytes: number | undefined;
  /** What it can do, in Ollama's words. */
  capabilities: readonly ("completion" | "tools" | "embedding")[];
}

export interface Usage {
  promptTokens: number;
  /** Of the prompt's tokens, how many did not have to be evaluated again. */
  cachedTokens: number;
  completionTokens: number;
}

export interface Timings {
  queueMs: number;
  promptMs: number;
  decodeMs: number;
}

/** stop: the model ended or a stop string came · length: no room or maxTokens · toolCalls: it wants tools. */
export type FinishReason = "stop" | "length" | "toolCalls";

export interface DoneItem {
  type: "done";
  reason: FinishReason;
  usage: Usage;
  timings: Timings;
}

/** With `raw` and `tokens` of all items so far another backend can go on where this one stopped. */
export interface Origin {
  /** What the model wrote since the item before, markup included; "" where one token brought several items. */
  raw?: string;
  /** Completion tokens up to here, those of `already` included. */
  tokens?: number;
  /** Through a gateway, on the first item of each worker: which one answers, and why it was chosen. */
  route?: string;
}

/** The items of one generation: any number of the first three, then exactly one `done`. */
export type GenerateItem =
  | ({ type: "text"; text: string } & Origin)
  | ({ type: "thought"; text: string } & Origin)
  | ({ type: "toolCall"; call: ToolCall } & Origin)
  | DoneItem;

export interface EmbedResult {
  /** One unit-length vector a text, in the texts' order. */
  vectors: number[][];
  promptTokens: number;
}
