/** The durable store: one SQLite file a tenant, written by a thread of its own, read where the question is asked. */
import { chmodSync, mkdirSync, statfsSync } from "node:fs";
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { Clock } from "../kit/clock.ts";
import type { NewId } from "../kit/identifiers.ts";
import { checkScope } from "./event-rules.ts";
import { lockFolder } from "./sqlite-lock.ts";
import { createSqliteStore } from "./sqlite-store.ts";
import { createTenants } from "./sqlite-tenants.ts";
import { createWriterThread } from "./sqlite-thread.ts";
import type { Scope, Store, Stores, StoresHealth } from "./store.ts";

export interface SqliteStoresOptions {
  /** Made (0700) when it is not there; one engine at a time. */
  folder: string;
  clock: Clock;
  newId: NewId;
  /** A tenant's file may not grow beyond this; absent = as the disk allows. */
  tenantBytesMax?: number;
  tenantsOpenMax?: number;
}

/** Free space below which health warns: a write-ahead log and a rewritten file want room. */
const freeBytesMin = 64 * 1024 * 1024;

/** @throws EngineError memory_failed when another engine has the folder, or it cannot be used */
export function createSqliteStores(options: SqliteStoresOptions): Stores {
  const { folder, clock, newId } = options;
  makeFolder(folder);
  const lock = lockFolder(folder, clock.now());
  const thread = createWriterThread();
  const tenants = createTenants({
    folder,
    thread,
    openMax: options.tenantsOpenMax ?? limits.tenantsOpenMax,
    bytesMax: options.tenantBytesMax,
  });
  let closed: Promise<void> | undefined;

  async function open(scope: Scope): Promise<Store> {
    checkScope(scope);
    // A file that cannot be used is told now, not at the first question.
    await tenants.get(scope.tenant);
    return createSqliteStore({ scope, tenants, thread, clock, newId });
  }

  async function health(): Promise<StoresHealth> {
    const problem = await tenants.findProblem();
    if (problem === undefined) return checkSpace(folder);
    const status = problem.code === "disk_full" ? "degraded" : "failed";
    return { status, reason: `${problem.message} ${problem.remedy}` };
  }

  async function closeAll(): Promise<void> {
    await tenants.close();
    await thread.close();
    lock.release();
  }

  function close(): Promise<void> {
    closed ??= closeAll();
    return closed;
  }

  return { open, health, close };
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o700);
  } catch (error) {
    throw new EngineError("memory_failed", `The memory folder ${folder} cannot be made.`, {
      cause: error,
      remedy: "Make its parent writable for the engine's user, or name another home folder.",
    });
  }
}

function checkSpace(folder: string): StoresHealth {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= freeBytesMin) return { status: "ok", reason: undefined };
  return { status: "degraded", reason: `Less than ${freeBytesMin} bytes are free for the memory.` };
}
