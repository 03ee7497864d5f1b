/** The handle of one scope over its tenant's file. */
import { EngineError } from "../contract/errors.ts";
import type { Clock } from "../kit/clock.ts";
import type { NewId } from "../kit/identifiers.ts";
import { checkConversationId, checkEvent, toLength, toStoredEvent } from "./event-rules.ts";
import { toStoreError } from "./sqlite-errors.ts";
import type { Tenant, Tenants } from "./sqlite-tenants.ts";
import type { WriterThread } from "./sqlite-thread.ts";
import type { NewEvent, Scope, Store, StoredEvent } from "./store.ts";

export interface SqliteStoreOptions {
  scope: Scope;
  tenants: Tenants;
  thread: WriterThread;
  clock: Clock;
  newId: NewId;
}

export function createSqliteStore(options: SqliteStoreOptions): Store {
  const { scope, tenants, thread, clock, newId } = options;
  const { subject } = scope;

  /** Runs one question or job on the open file, and notes what it says about it. */
  async function use<T>(run: (tenant: Tenant) => T | Promise<T>): Promise<T> {
    const tenant = await tenants.get(scope.tenant);
    try {
      return await run(tenant);
    } catch (error) {
      const meant = toStoreError(error, tenant.path);
      if (meant instanceof EngineError) tenants.note(scope.tenant, meant);
      throw meant;
    }
  }

  async function write<T>(run: (path: string) => Promise<T>): Promise<T> {
    const output = await use(tenant => run(tenant.path));
    tenants.note(scope.tenant, undefined);
    return output;
  }

  async function append(event: NewEvent): Promise<StoredEvent> {
    checkEvent(event);
    const stored = toStoredEvent(event, { id: newId("evt"), sequence: 0, ingestedMs: clock.now() });
    const { sequence: _, ...row } = stored;
    const terms = [...event.terms];
    const length = toLength(event.terms);
    const input = { ...row, subject, terms, length, speech: event.speech };
    const sequence = await write(path => thread.run("append", path, input));
    return { ...stored, sequence };
  }

  return {
    scope,
    append,
    createConversation: async (id = newId("cnv")) => {
      checkConversationId(id);
      const row = { subject, id, createdMs: Math.round(clock.now()) };
      return write(path => thread.run("create", path, row));
    },
    deleteConversation: async id => {
      const events = await write(path => thread.run("erase", path, { subject, id }));
      return events === undefined || events === null ? undefined : { events };
    },
    conversation: id => use(({ reads }) => reads.conversation(subject, id)),
    conversations: ({ limit, before }) =>
      use(({ reads }) => {
        if (before !== undefined && reads.conversation(subject, before) === undefined)
          throw new EngineError("conversation_not_found", `There is no conversation "${before}".`, {
            field: "before",
          });
        return reads.conversations(subject, limit, before);
      }),
    history: (conversation, limit) =>
      use(({ reads }) => reads.history(subject, conversation, limit)),
    statistics: () => use(({ reads }) => reads.statistics(subject)),
    frequencies: terms =>
      use(({ reads }) => {
        const found = terms.map(term => [term, reads.frequency(subject, term) ?? 0] as const);
        return new Map(found.filter(([, events]) => events > 0));
      }),
    postings: terms =>
      use(({ reads }) => terms.map(term => reads.postings(subject, term)).filter(isPresent)),
    heads: sequences =>
      use(({ reads }) => sequences.map(one => reads.head(subject, one)).filter(isPresent)),
    neighbours: (sequences, hops) =>
      use(({ reads }) => sequences.map(one => reads.neighbours(subject, one, hops))),
    events: sequences =>
      use(({ reads }) => sequences.map(one => reads.event(subject, one)).filter(isPresent)),
  };
}

function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined;
}
