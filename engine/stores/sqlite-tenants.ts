/** The tenants' files that are open: a bounded number, the one unused for longest gives way. */
import { basename, join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { EngineError } from "../contract/errors.ts";
import { openForReading } from "./sqlite-database.ts";
import { createReads, type Reads } from "./sqlite-reads.ts";
import type { WriterThread } from "./sqlite-thread.ts";

export interface Tenant {
  path: string;
  database: DatabaseSync;
  reads: Reads;
}

export interface Tenants {
  /** Opened if need be; valid until the caller awaits anything else. @throws EngineError memory_failed, stopping */
  get(name: string): Promise<Tenant>;
  /** Keeps what an operation said about a tenant's file; undefined = it went well. */
  note(name: string, problem: EngineError | undefined): void;
  /** The first problem that still holds. */
  findProblem(): Promise<EngineError | undefined>;
  close(): Promise<void>;
}

export interface TenantsOptions {
  folder: string;
  thread: WriterThread;
  openMax: number;
  bytesMax: number | undefined;
}

export function createTenants({ folder, thread, openMax, bytesMax }: TenantsOptions): Tenants {
  /** In the order of their last use. */
  const open = new Map<string, Promise<Tenant>>();
  const closing = new Map<string, Promise<void>>();
  const problems = new Map<string, EngineError>();
  let isClosed = false;

  const toPath = (name: string) => join(folder, `${name}.sqlite`);

  async function openOne(name: string): Promise<Tenant> {
    await closing.get(name);
    const path = toPath(name);
    await thread.run("open", path, { bytesMax });
    const database = openForReading(path);
    return { path, database, reads: createReads(database) };
  }

  async function closeOne(tenant: Promise<Tenant>): Promise<void> {
    const { database, path } = await tenant;
    // The last connection to close moves the log beside the file into it: let that be the one that writes.
    database.close();
    await thread.run("close", path, null);
  }

  function giveWay(): void {
    const [oldest] = open;
    if (oldest === undefined || open.size <= openMax) return;
    const [name, tenant] = oldest;
    open.delete(name);
    const closed = closeOne(tenant)
      .catch(() => undefined)
      .then(() => {
        // It may have been opened and be closing once more by now.
        if (closing.get(name) === closed) closing.delete(name);
      });
    closing.set(name, closed);
  }

  function get(name: string): Promise<Tenant> {
    if (isClosed) return Promise.reject(new EngineError("stopping", "The memory is closed."));
    const tenant = open.get(name) ?? openOne(name);
    const isNew = !open.delete(name);
    open.set(name, tenant);
    if (isNew) watch(name, tenant);
    giveWay();
    return tenant;
  }

  /** A file that could not be opened is tried again at the next request: it may have been mended. */
  function watch(name: string, tenant: Promise<Tenant>): void {
    tenant.then(
      () => problems.delete(name),
      (error: unknown) => {
        if (open.get(name) === tenant) open.delete(name);
        if (error instanceof EngineError) problems.set(name, error);
      },
    );
  }

  function note(name: string, problem: EngineError | undefined): void {
    if (problem?.code === "disk_full" || problem?.code === "memory_failed")
      problems.set(name, problem);
    else if (problem === undefined && problems.get(name)?.code === "disk_full")
      problems.delete(name);
  }

  /** A full disk is over when something could be written; anything else when a look at the file finds nothing. */
  async function findProblem(): Promise<EngineError | undefined> {
    const failure = thread.failure();
    if (failure !== undefined) return failure;
    for (const name of new Set([...problems.keys(), ...open.keys()])) {
      const known = problems.get(name);
      if (known?.code === "disk_full" || (known !== undefined && !open.has(name))) return known;
      try {
        await thread.run("probe", toPath(name), { isSuspect: known !== undefined });
        problems.delete(name);
      } catch (error) {
        if (error instanceof EngineError) return error;
        return new EngineError("memory_failed", `${basename(toPath(name))} cannot be used.`);
      }
    }
    return undefined;
  }

  async function close(): Promise<void> {
    isClosed = true;
    await Promise.allSettled([...[...open.values()].map(closeOne), ...closing.values()]);
    open.clear();
  }

  return { get, note, findProblem, close };
}
