/** The durable store: one SQLite file a tenant, written by a thread of its own, read where the question is asked. */
import { mkdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
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
import { openForReading } from "./sqlite-database.ts";
import { toStoreError } from "./sqlite-errors.ts";
import { lockFolder } from "./sqlite-lock.ts";
import { createReads, type Reads } from "./sqlite-reads.ts";
import { createWriterThread, type WriterThread } from "./sqlite-thread.ts";
import type { NewEvent, Scope, Store, StoredEvent, Stores, StoresHealth } from "./store.ts";

export interface SqliteStoresOptions {
  /** Made (0700) when it is not there; one engine at a time. */
  folder: string;
  clock: Clock;
  newId: NewId;
  /** A tenant's file may not grow beyond this; absent = as the disk allows. */
  tenantBytesMax?: number;
}

/** Free space below which health warns: a write-ahead log and a rewritten file want room. */
const freeBytesMin = 64 * 1024 * 1024;

interface Tenant {
  path: string;
  database: DatabaseSync;
  reads: Reads;
  /** What went wrong last, until something goes right. */
  problem: EngineError | undefined;
}

/** @throws EngineError memory_failed when another engine has the folder, or it cannot be used */
export function createSqliteStores(options: SqliteStoresOptions): Stores {
  const { folder, clock, newId } = options;
  makeFolder(folder);
  const lock = lockFolder(folder, clock.now());
  const thread = createWriterThread();
  const tenants = new Map<string, Promise<Tenant>>();
  let closed: Promise<void> | undefined;

  async function open(scope: Scope): Promise<Store> {
    checkScope(scope);
    if (closed !== undefined) throw new EngineError("stopping", "The memory is closed.");
    const tenant = tenants.get(scope.tenant) ?? openTenant(scope.tenant);
    return createStore(await tenant, thread, scope, { clock, newId });
  }

  function openTenant(name: string): Promise<Tenant> {
    const path = join(folder, `${name}.sqlite`);
    const opening = thread
      .run("open", path, { bytesMax: options.tenantBytesMax })
      .then(() => toTenant(path));
    tenants.set(name, opening);
    // A file that could not be opened is tried again at the next request: it may have been mended.
    opening.catch(() => tenants.delete(name));
    return opening;
  }

  async function health(): Promise<StoresHealth> {
    const failure = thread.failure();
    if (failure !== undefined) return { status: "failed", reason: failure.message };
    for (const tenant of await Promise.allSettled(tenants.values())) {
      const problem =
        tenant.status === "fulfilled" ? await probe(tenant.value, thread) : tenant.reason;
      if (problem instanceof EngineError)
        return {
          status: problem.code === "disk_full" ? "degraded" : "failed",
          reason: `${problem.message} ${problem.remedy}`,
        };
    }
    return checkSpace(folder);
  }

  function close(): Promise<void> {
    closed ??= closeAll();
    return closed;
  }

  async function closeAll(): Promise<void> {
    for (const opened of await Promise.allSettled(tenants.values())) {
      if (opened.status === "rejected") continue;
      // The last connection to close moves the log beside the file into it: let that be the one that writes.
      opened.value.database.close();
      await thread.run("close", opened.value.path, null).catch(() => undefined);
    }
    await thread.close();
    lock.release();
  }

  return { open, health, close };
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new EngineError("memory_failed", `The memory folder ${folder} cannot be made.`, {
      cause: error,
      remedy: "Make its parent writable for the engine's user, or name another home folder.",
    });
  }
}

function toTenant(path: string): Tenant {
  const database = openForReading(path);
  return { path, database, reads: createReads(database), problem: undefined };
}

async function probe(tenant: Tenant, thread: WriterThread): Promise<unknown> {
  if (tenant.problem !== undefined) return tenant.problem;
  return thread.run("probe", tenant.path, null).catch((error: unknown) => error);
}

function checkSpace(folder: string): StoresHealth {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= freeBytesMin) return { status: "ok", reason: undefined };
  return { status: "degraded", reason: `Less than ${freeBytesMin} bytes are free for the memory.` };
}

function createStore(
  tenant: Tenant,
  thread: WriterThread,
  scope: Scope,
  { clock, newId }: { clock: Clock; newId: NewId },
): Store {
  const { subject } = scope;
  const { reads, path } = tenant;

  /** Runs one job or question, and remembers what it says about the file. */
  async function watch<T>(run: () => T | Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      const meant = toStoreError(error, path);
      if (meant instanceof EngineError && meant.code !== "overloaded") tenant.problem = meant;
      throw meant;
    }
  }

  async function write<T>(run: () => Promise<T>): Promise<T> {
    const output = await watch(run);
    if (tenant.problem?.code === "disk_full") tenant.problem = undefined;
    return output;
  }

  async function append(event: NewEvent): Promise<StoredEvent> {
    checkEvent(event);
    const stored = toStoredEvent(event, { id: newId("evt"), sequence: 0, ingestedMs: clock.now() });
    const { sequence: _, ...row } = stored;
    const terms = [...event.terms];
    const length = toLength(event.terms);
    const input = { ...row, subject, terms, length, speech: event.speech };
    const sequence = await write(() => thread.run("append", path, input));
    return { ...stored, sequence };
  }

  return {
    scope,
    append,
    createConversation: async (id = newId("cnv")) => {
      checkConversationId(id);
      const row = { subject, id, createdMs: Math.round(clock.now()) };
      return write(() => thread.run("create", path, row));
    },
    deleteConversation: async id => {
      const events = await write(() => thread.run("erase", path, { subject, id }));
      return events === undefined || events === null ? undefined : { events };
    },
    conversation: id => watch(() => reads.conversation(subject, id)),
    conversations: ({ limit, before }) =>
      watch(() => {
        if (before !== undefined && reads.conversation(subject, before) === undefined)
          throw new EngineError("conversation_not_found", `There is no conversation "${before}".`, {
            field: "before",
          });
        return reads.conversations(subject, limit, before);
      }),
    history: (conversation, limit) => watch(() => reads.history(subject, conversation, limit)),
    statistics: () => watch(() => reads.statistics(subject)),
    frequencies: terms =>
      watch(() => {
        const found = terms.map(term => [term, reads.frequency(subject, term) ?? 0] as const);
        return new Map(found.filter(([, events]) => events > 0));
      }),
    postings: terms =>
      watch(() => terms.map(term => reads.postings(subject, term)).filter(isPresent)),
    heads: sequences =>
      watch(() => sequences.map(sequence => reads.head(subject, sequence)).filter(isPresent)),
    neighbours: (sequences, hops) =>
      watch(() => sequences.map(sequence => reads.neighbours(subject, sequence, hops))),
    events: sequences =>
      watch(() => sequences.map(sequence => reads.event(subject, sequence)).filter(isPresent)),
  };
}

function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined;
}
