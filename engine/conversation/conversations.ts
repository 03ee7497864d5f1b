/** Conversations: the one use case. Every dialect's generation is a turn, with memory or without. */

import type { DoneItem, GenerateItem, GenerateRequest, Message } from "../contract/chat.ts";
import type { Scope as KeyScope } from "../contract/config.ts";
import type { MemoryMode, RecalledMemory } from "../contract/memory.ts";
import type { Conversation, StoredEvent } from "../stores/store.ts";

/** Who asks, made from the key and never from a body. */
export interface Principal {
  key: string;
  tenant: string;
  subject: string;
  scopes: readonly KeyScope[];
}

export interface TurnRequest {
  principal: Principal;
  requestId: string;
  /** The dialect's name, kept as the events' source. */
  dialect: string;
  /** As the client wrote it. */
  model: string;
  memory: MemoryMode;
  /**
   * The conversation that the turn belongs to.
   * With `history: "stored"` the prompt's earlier turns come from the store; with "given" the client sends them all, as compatible clients do.
   * Absent and memory writes: a conversation is begun for it.
   */
  conversation?: string;
  history: "stored" | "given";
  /** All messages ("given") or the new one(s) only ("stored"); everything else as the client wants it. */
  generate: Omit<GenerateRequest, "cacheScope" | "input"> & {
    input: GenerateRequest["input"];
  };
}

/** Before the first text comes one `start`; after the last, one `done`. */
export type TurnItem =
  | { type: "start"; model: string; conversation: string | undefined; used: RecalledMemory[] }
  | Exclude<GenerateItem, DoneItem>
  | (DoneItem & { eventId: string | undefined });

export interface Conversations {
  /**
   * The user's event is durable before the first text, the assistant's before `done`; a cut answer is kept as `interrupted`.
   * @throws EngineError of model, store or admission; conversation_not_found when `conversation` is not in the scope (main API)
   */
  turn(request: TurnRequest, signal: AbortSignal): AsyncIterable<TurnItem>;
  create(principal: Principal): Promise<Conversation>;
  get(
    principal: Principal,
    id: string,
  ): Promise<{ conversation: Conversation; events: StoredEvent[] } | undefined>;
  list(principal: Principal, page: { limit: number; before?: string }): Promise<Conversation[]>;
  /** Erases it physically. */
  delete(principal: Principal, id: string): Promise<{ events: number } | undefined>;
}

/** The text that a turn remembers of the user: the last user message. */
export function lastUserText(messages: readonly Message[]): string | undefined {
  return messages.findLast(message => message.role === "user")?.content;
}
