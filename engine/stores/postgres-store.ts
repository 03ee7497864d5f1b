/** The handle of one scope over the database. */
import type { Clock } from "../kit/clock.ts";
import type { NewId } from "../kit/identifiers.ts";
import { checkConversationId, checkEvent, toLength, toStoredEvent } from "./event-rules.ts";
import type { Session } from "./postgres-database.ts";
import * as reads from "./postgres-reads.ts";
import { createConversation, type EventRow, erase, makeScope } from "./postgres-writes.ts";
import type { NewEvent, Scope, Store, StoredEvent } from "./store.ts";

/** What the handle asks of the store behind it; every call waits until the database is ready. */
export interface Access {
  read<T>(scope: Scope, run: (session: Session) => Promise<T>): Promise<T>;
  write<T>(scope: Scope, change: (session: Session) => Promise<T>): Promise<T>;
  /** The sequence that the event has got, when it is durable. */
  append(scope: Scope, event: EventRow): Promise<number>;
  /** Something was erased: its dead rows are to go. */
  onErased(): void;
}

export interface PostgresStoreOptions {
  scope: Scope;
  access: Access;
  clock: Clock;
  newId: NewId;
}

export function createPostgresStore({ scope, access, clock, newId }: PostgresStoreOptions): Store {
  const read = <T>(run: (session: Session) => Promise<T>) => access.read(scope, run);

  async function append(event: NewEvent): Promise<StoredEvent> {
    checkEvent(event);
    const stored = toStoredEvent(event, { id: newId("evt"), sequence: 0, ingestedMs: clock.now() });
    const { sequence: _, ...row } = stored;
    const terms = [...event.terms];
    const length = toLength(event.terms);
    const input = { ...row, terms, length, speech: event.speech };
    return { ...stored, sequence: await access.append(scope, input) };
  }

  async function deleteConversation(id: string): Promise<{ events: number } | undefined> {
    const events = await access.write(scope, session => erase(session, id));
    if (events === undefined) return undefined;
    access.onErased();
    return { events };
  }

  return {
    scope,
    append,
    deleteConversation,
    createConversation: async (id = newId("cnv")) => {
      checkConversationId(id);
      const createdMs = Math.round(clock.now());
      return access.write(scope, async session => {
        const key = await makeScope(session, scope.tenant, scope.subject);
        return createConversation(session, key, { id, createdMs });
      });
    },
    conversation: id => read(session => reads.conversation(session, id)),
    conversations: page => read(session => reads.conversations(session, page)),
    history: (id, limit) => read(session => reads.history(session, id, limit)),
    statistics: () => read(reads.statistics),
    frequencies: terms => read(session => reads.frequencies(session, terms)),
    postings: terms => read(session => reads.postings(session, terms)),
    heads: sequences => read(session => reads.heads(session, sequences)),
    neighbours: (sequences, hops) => read(session => reads.neighbours(session, sequences, hops)),
    events: sequences => read(session => reads.events(session, sequences)),
  };
}
