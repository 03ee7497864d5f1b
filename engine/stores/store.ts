/** Store: durable state of one tenant and one subject. There is no handle without both, and so no unscoped query. */
import type { EventRole } from "../contract/memory.ts";

export interface Scope {
  tenant: string;
  /** The end user inside the tenant; never "all". */
  subject: string;
}

/** interrupted: the client or the engine went away before the answer was whole. */
export type EventStatus = "complete" | "interrupted";

/** What a text does: a question holds no answer, and neither does an assistant who says that it does not know. */
export type Speech = "statement" | "question" | "ignorance";

export interface NewEvent {
  conversation: string;
  role: EventRole;
  text: string;
  /** When it was said, ms since 1970. */
  timeMs: number;
  /** Id of the request that brought it. */
  requestId: string;
  /** Where it came from: a dialect's name. */
  source: string;
  /** 0…1: said by the user > by the assistant > by tools. */
  trust: number;
  status: EventStatus;
  model: string | undefined;
  /** Token → how often: what recall finds the event by. Derived, rebuilt from the text at need. */
  terms: ReadonlyMap<string, number>;
  /** Derived as well; kept so that ranking need not read the text. */
  speech: Speech;
}

export interface StoredEvent extends Omit<NewEvent, "terms" | "speech"> {
  id: string;
  /** Position in the append-only log of the tenant: larger = later. */
  sequence: number;
  ingestedMs: number;
}

export interface Conversation {
  id: string;
  createdMs: number;
  updatedMs: number;
  events: number;
}

/** One occurrence list: which events hold a term. */
export interface Posting {
  sequence: number;
  /** How often the term stands in the event. */
  frequency: number;
  /** Terms in the event, repeats counted. */
  length: number;
}

export interface TermPostings {
  term: string;
  /** In the order of the log. */
  postings: Posting[];
}

/** What ranking needs to know of an event without reading its text. */
export interface EventHead {
  sequence: number;
  id: string;
  conversation: string;
  timeMs: number;
  role: EventRole;
  trust: number;
  speech: Speech;
}

export interface Neighbour {
  /** Turns away: 1 is the event just before or after. */
  distance: number;
  head: EventHead;
}

/**
 * Every implementation passes test/conformance/store.ts. All promise:
 * - `append` resolves when the event would survive a power cut (the memory store: would survive nothing, and says so in its name).
 * - What was appended is seen by the next call on any handle of the same scope; never by another scope.
 * - `deleteConversation` leaves no byte of the text, its terms or its ids in any file of the store; in a database's server none
 *   that a query could find (README.md says when the bytes go).
 * - The log's order is that of `sequence`; times may jump back.
 * - Ids, sequences and terms of another scope, or of nothing, are as if they did not exist.
 */
export interface Store {
  readonly scope: Scope;
  /** The one there is, when `id` is taken. @throws EngineError invalid_request, disk_full */
  createConversation(id?: string): Promise<Conversation>;
  conversation(id: string): Promise<Conversation | undefined>;
  /**
   * The last created first, at most `limit`, created before the conversation `before` when given.
   * @throws EngineError conversation_not_found when there is no `before`
   */
  conversations(page: { limit: number; before?: string }): Promise<Conversation[]>;
  /**
   * Creates the conversation when there is none.
   * @throws EngineError disk_full, body_too_large, invalid_request, overloaded, memory_failed
   */
  append(event: NewEvent): Promise<StoredEvent>;
  /** Of one conversation in the order of the log: its last `limit`. */
  history(conversation: string, limit: number): Promise<StoredEvent[]>;
  /** How many events went; undefined when there was no such conversation in this scope. */
  deleteConversation(id: string): Promise<{ events: number } | undefined>;
  /** Number and average length (in terms) of the scope's events. */
  statistics(): Promise<{ events: number; averageLength: number }>;
  /** In how many of the scope's events each term stands; unknown terms are left out. */
  frequencies(terms: readonly string[]): Promise<Map<string, number>>;
  /** In the order of `terms`; unknown terms are left out. */
  postings(terms: readonly string[]): Promise<TermPostings[]>;
  /** In the order of `sequences`; what is not there is left out. */
  heads(sequences: readonly number[]): Promise<EventHead[]>;
  /** For each sequence the events before and after it in its own conversation, at most `hops` away, in the order of the log. */
  neighbours(sequences: readonly number[], hops: number): Promise<Neighbour[][]>;
  /** In the order of `sequences`; what is not there is left out. */
  events(sequences: readonly number[]): Promise<StoredEvent[]>;
}

export interface Stores {
  /** The handle of one scope; cheap, the tenant's file is opened once. @throws EngineError memory_failed, invalid_request */
  open(scope: Scope): Promise<Store>;
  /** ok, or why not: a full disk, a locked or corrupt file. */
  health(): Promise<StoresHealth>;
  close(): Promise<void>;
}

export interface StoresHealth {
  status: "ok" | "degraded" | "failed";
  reason: string | undefined;
}
