/** The store that gateways of a cluster share: one PostgreSQL database, whose row-level security keeps scopes apart. */
import { EngineError } from "../contract/errors.ts";
import type { Clock } from "../kit/clock.ts";
import type { NewId } from "../kit/identifiers.ts";
import type { Log } from "../telemetry/telemetry.ts";
import { checkScope } from "./event-rules.ts";
import { createDatabase } from "./postgres-database.ts";
import { createErasures } from "./postgres-erasures.ts";
import { migrate } from "./postgres-migrations.ts";
import { type Access, createPostgresStore } from "./postgres-store.ts";
import { createWriter } from "./postgres-writer.ts";
import type { Scope, Store, Stores, StoresHealth } from "./store.ts";

export interface PostgresStoresOptions {
  /** postgres://user:password@host:port/database; never shown, never logged. */
  url: string;
  clock: Clock;
  newId: NewId;
  log: Log;
  connectionsMax?: number;
}

/**
 * Connects at the first use, so that a gateway starts while its database is away: health says so until it is there.
 * @throws EngineError invalid_config when the URL is none
 */
export function createPostgresStores(options: PostgresStoresOptions): Stores {
  const { clock, newId, log } = options;
  const database = createDatabase(options);
  const writer = createWriter(database);
  const erasures = createErasures({ database, log });
  let prepared: Promise<void> | undefined;
  let full: EngineError | undefined;
  let closed: Promise<void> | undefined;

  async function prepare(): Promise<void> {
    await database.maintain(migrate);
    // A deletion whose VACUUM a crash cut short is made good now.
    erasures.clean();
  }

  /** Once; what failed is tried again by whoever comes next. */
  async function ready(): Promise<void> {
    if (closed !== undefined) throw new EngineError("stopping", "The memory is closed.");
    prepared ??= prepare();
    const mine = prepared;
    try {
      await mine;
    } catch (error) {
      if (prepared === mine) prepared = undefined;
      throw error;
    }
  }

  async function write<T>(run: () => Promise<T>): Promise<T> {
    await ready();
    try {
      const output = await run();
      full = undefined;
      return output;
    } catch (error) {
      if (error instanceof EngineError && error.code === "disk_full") full = error;
      throw error;
    }
  }

  const access: Access = {
    read: async (scope, run) => {
      await ready();
      return await database.read(scope, run);
    },
    write: (scope, change) => write(() => writer.run(scope, change)),
    append: (scope, event) => write(() => writer.append(scope, event)),
    onErased: erasures.clean,
  };

  async function open(scope: Scope): Promise<Store> {
    checkScope(scope);
    await ready();
    return createPostgresStore({ scope, access, clock, newId });
  }

  async function health(): Promise<StoresHealth> {
    if (full !== undefined) return { status: "degraded", reason: toReason(full) };
    // Connections in use answer questions at this moment; nothing is learned by waiting behind them.
    if (prepared !== undefined && database.isBusy()) return { status: "ok", reason: undefined };
    try {
      await ready();
      await database.maintain(session => session.query("SELECT 1"));
      return { status: "ok", reason: undefined };
    } catch (error) {
      if (error instanceof EngineError) return { status: "failed", reason: toReason(error) };
      throw error;
    }
  }

  async function closeAll(): Promise<void> {
    await writer.close();
    await erasures.close();
    await database.close();
  }

  return {
    open,
    health,
    close: () => {
      closed ??= closeAll();
      return closed;
    },
  };
}

function toReason(error: EngineError): string {
  return `${error.message} ${error.remedy}`;
}
