/** The store that keeps everything in memory and survives nothing: for tests, and for runs that shall leave no trace. */
import { EngineError } from "../contract/errors.ts";
import type { Clock } from "../kit/clock.ts";
import type { NewId } from "../kit/identifiers.ts";
import {
  checkConversationId,
  checkEvent,
  checkScope,
  toLength,
  toStoredEvent,
} from "./event-rules.ts";
import type {
  Conversation,
  EventHead,
  Neighbour,
  NewEvent,
  Scope,
  Speech,
  Store,
  StoredEvent,
  Stores,
  TermPostings,
} from "./store.ts";

export interface MemoryStoresOptions {
  clock: Clock;
  newId: NewId;
}

interface Kept {
  event: StoredEvent;
  terms: ReadonlyMap<string, number>;
  length: number;
  speech: Speech;
}

/** What one subject has. Maps keep the order in which things came. */
interface Shelf {
  conversations: Map<string, Conversation & { log: Kept[] }>;
  events: Map<number, Kept>;
}

interface ShelfOptions extends MemoryStoresOptions {
  nextSequence: () => number;
  refuseClosed: () => void;
}

/** A tenant's counter, shared by its subjects. */
interface Tenant {
  lastSequence: number;
  shelves: Map<string, Shelf>;
}

export function createMemoryStores({ clock, newId }: MemoryStoresOptions): Stores {
  const tenants = new Map<string, Tenant>();
  let isClosed = false;

  function refuseClosed(): void {
    if (isClosed) throw new EngineError("stopping", "The memory is closed.");
  }

  async function open(scope: Scope): Promise<Store> {
    checkScope(scope);
    refuseClosed();
    const tenant = getOrAdd(tenants, scope.tenant, () => ({ lastSequence: 0, shelves: new Map() }));
    const shelf = getOrAdd(tenant.shelves, scope.subject, () => ({
      conversations: new Map(),
      events: new Map(),
    }));
    const nextSequence = () => {
      tenant.lastSequence += 1;
      return tenant.lastSequence;
    };
    return createStore(scope, shelf, { clock, newId, nextSequence, refuseClosed });
  }

  return {
    open,
    health: async () => ({ status: "ok", reason: undefined }),
    close: async () => {
      isClosed = true;
      tenants.clear();
    },
  };
}

function createStore(
  scope: Scope,
  shelf: Shelf,
  { clock, newId, nextSequence, refuseClosed }: ShelfOptions,
): Store {
  /** Asynchronous, as a store on disk is. */
  async function use<T>(run: () => T): Promise<T> {
    refuseClosed();
    return run();
  }

  function toConversation(id: string, nowMs: number) {
    return getOrAdd(shelf.conversations, id, () => ({
      id,
      createdMs: nowMs,
      updatedMs: nowMs,
      events: 0,
      log: [],
    }));
  }

  function append(event: NewEvent): StoredEvent {
    checkEvent(event);
    const given = { id: newId("evt"), sequence: nextSequence(), ingestedMs: clock.now() };
    const stored = toStoredEvent(event, given);
    const length = toLength(event.terms);
    const kept = { event: stored, terms: new Map(event.terms), length, speech: event.speech };
    const conversation = toConversation(event.conversation, stored.ingestedMs);
    conversation.log.push(kept);
    conversation.events += 1;
    conversation.updatedMs = stored.ingestedMs;
    shelf.events.set(stored.sequence, kept);
    return { ...stored };
  }

  function deleteConversation(id: string): { events: number } | undefined {
    const conversation = shelf.conversations.get(id);
    if (conversation === undefined) return undefined;
    for (const kept of conversation.log) shelf.events.delete(kept.event.sequence);
    shelf.conversations.delete(id);
    return { events: conversation.events };
  }

  function page(limit: number, before: string | undefined): Conversation[] {
    const all = [...shelf.conversations.values()].map(toPlain).reverse();
    if (before === undefined) return all.slice(0, limit);
    const place = all.findIndex(conversation => conversation.id === before);
    if (place < 0)
      throw new EngineError("conversation_not_found", `There is no conversation "${before}".`, {
        field: "before",
      });
    return all.slice(place + 1, place + 1 + limit);
  }

  function statistics(): { events: number; averageLength: number } {
    let terms = 0;
    for (const kept of shelf.events.values()) terms += kept.length;
    const events = shelf.events.size;
    return { events, averageLength: events === 0 ? 0 : terms / events };
  }

  function withTerm(term: string): Kept[] {
    return [...shelf.events.values()].filter(kept => kept.terms.has(term));
  }

  function neighboursOf(sequence: number, hops: number): Neighbour[] {
    const centre = shelf.events.get(sequence);
    if (centre === undefined) return [];
    const log = shelf.conversations.get(centre.event.conversation)?.log ?? [];
    const place = log.indexOf(centre);
    return log
      .map((kept, index) => ({ distance: Math.abs(index - place), head: toHead(kept) }))
      .filter(({ distance }) => distance > 0 && distance <= hops);
  }

  function toTermPostings(term: string): TermPostings {
    const postings = withTerm(term).map(kept => ({
      sequence: kept.event.sequence,
      frequency: kept.terms.get(term) ?? 0,
      length: kept.length,
    }));
    return { term, postings };
  }

  function history(id: string, limit: number): StoredEvent[] {
    const log = shelf.conversations.get(id)?.log ?? [];
    return log.slice(Math.max(0, log.length - limit)).map(kept => ({ ...kept.event }));
  }

  function frequencies(terms: readonly string[]): Map<string, number> {
    const found = terms.map(term => [term, withTerm(term).length] as const);
    return new Map(found.filter(([, events]) => events > 0));
  }

  return {
    scope,
    append: event => use(() => append(event)),
    createConversation: (id = newId("cnv")) =>
      use(() => {
        checkConversationId(id);
        return toPlain(toConversation(id, Math.round(clock.now())));
      }),
    conversation: id =>
      use(() => {
        const found = shelf.conversations.get(id);
        return found === undefined ? undefined : toPlain(found);
      }),
    conversations: ({ limit, before }) => use(() => page(limit, before)),
    history: (id, limit) => use(() => history(id, limit)),
    deleteConversation: id => use(() => deleteConversation(id)),
    statistics: () => use(statistics),
    frequencies: terms => use(() => frequencies(terms)),
    postings: terms =>
      use(() => terms.map(toTermPostings).filter(({ postings }) => postings.length > 0)),
    heads: sequences => use(() => pick(shelf, sequences).map(toHead)),
    neighbours: (sequences, hops) =>
      use(() => sequences.map(sequence => neighboursOf(sequence, hops))),
    events: sequences => use(() => pick(shelf, sequences).map(kept => ({ ...kept.event }))),
  };
}

function pick(shelf: Shelf, sequences: readonly number[]): Kept[] {
  return sequences.map(sequence => shelf.events.get(sequence)).filter(kept => kept !== undefined);
}

function toPlain({ id, createdMs, updatedMs, events }: Conversation): Conversation {
  return { id, createdMs, updatedMs, events };
}

function toHead({ event, speech }: Kept): EventHead {
  const { sequence, id, conversation, timeMs, role, trust } = event;
  return { sequence, id, conversation, timeMs, role, trust, speech };
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
