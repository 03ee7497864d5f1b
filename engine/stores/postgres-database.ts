/** Bounded connections to PostgreSQL, and transactions that see one scope only. */
import pg from "pg";
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../telemetry/telemetry.ts";
import { isConflict, isLoss, toStoreError } from "./postgres-errors.ts";
import type { Scope } from "./store.ts";

export type Row = Record<string, unknown>;

/** Questions on one connection. */
export interface Session {
  query(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

export interface Database {
  /** One transaction that reads; put again when the connection is lost. @throws EngineError */
  read<T>(scope: Scope, run: (session: Session) => Promise<T>): Promise<T>;
  /**
   * One transaction that writes; resolves when it is committed and durable. Never run twice after a loss: whether it was committed is unknown then.
   * @throws EngineError
   */
  write<T>(scope: Scope, run: (session: Session) => Promise<T>): Promise<T>;
  /** Outside of any transaction and any scope, as the user of the URL. */
  maintain<T>(run: (session: Session) => Promise<T>): Promise<T>;
  /** Whether the next one would have to wait for a connection. */
  isBusy(): boolean;
  /** After everything that runs. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  url: string;
  clock: Clock;
  log: Log;
  connectionsMax?: number;
}

/** The role in which a user that row-level security does not hold (a superuser) does its work. */
export const memoryRole = "echorator_memory";

/** Before each new attempt of what may be tried again: long enough for a server that restarts. */
const retryPausesMs = [50, 200, 500, 1_000, 2_000] as const;
/** No new attempt after that: a way to the server that swallows everything takes its time to say so. */
const retryForMs = 5_000;

/** @throws EngineError invalid_config, without the URL: it holds a password */
export function createDatabase(options: DatabaseOptions): Database {
  const { clock, log } = options;
  const max = options.connectionsMax ?? limits.databaseConnectionsMax;
  const pool = new pg.Pool({
    connectionString: checkUrl(options.url),
    max,
    connectionTimeoutMillis: limits.databaseConnectMsMax,
    idleTimeoutMillis: 60_000,
    // What a server that is gone without a word would never answer.
    query_timeout: limits.databaseStatementMsMax + 5_000,
    keepAlive: true,
    application_name: "echorator",
  });
  // Of connections that nobody uses at the moment; the pool makes new ones.
  pool.on("error", error =>
    log.debug("a connection to PostgreSQL ended", { reason: nameOf(error) }),
  );
  // A connection in use that ends says so at any moment, between two questions and before its user has it, too;
  // the next question tells whom it concerns.
  pool.on("connect", client => client.on("error", () => undefined));
  let waiting = 0;
  let needsRole: boolean | undefined;

  async function connect(): Promise<pg.PoolClient> {
    if (waiting >= limits.databaseWaitingMax) throw busy();
    waiting += 1;
    try {
      return await pool.connect();
    } catch (error) {
      const isFull = pool.totalCount >= max && pool.idleCount === 0 && isLoss(error);
      throw isFull ? busy() : error;
    } finally {
      waiting -= 1;
    }
  }

  async function use<T>(run: (session: Session) => Promise<T>): Promise<T> {
    const client = await connect();
    let broken: Error | undefined;
    try {
      return await run(toSession(client));
    } catch (error) {
      // An answer leaves the connection usable; anything else may have left it in the middle of something.
      const isAnswer = error instanceof pg.DatabaseError || error instanceof EngineError;
      if (!isAnswer || isLoss(error)) broken = error as Error;
      throw error;
    } finally {
      client.release(broken);
    }
  }

  /** Superusers and BYPASSRLS are not held by policies: their work is done in a role that is. */
  async function learnRole(session: Session): Promise<boolean> {
    const [row] = await session.query(
      "SELECT rolsuper OR rolbypassrls AS bypasses FROM pg_roles WHERE rolname = current_user",
    );
    return row?.bypasses !== false;
  }

  async function transact<T>(
    scope: Scope,
    mode: "READ ONLY" | "READ WRITE",
    run: (session: Session) => Promise<T>,
  ): Promise<T> {
    return await use(async session => {
      needsRole ??= await learnRole(session);
      await session.query(toBegin(scope, mode, needsRole));
      try {
        const output = await run(session);
        await session.query("COMMIT");
        return output;
      } catch (error) {
        if (!isLoss(error)) await session.query("ROLLBACK");
        throw error;
      }
    });
  }

  async function repeat<T>(
    run: () => Promise<T>,
    mayRepeat: (error: unknown) => boolean,
  ): Promise<T> {
    const beganMs = clock.monotonic();
    for (const pauseMs of retryPausesMs) {
      try {
        return await run();
      } catch (error) {
        const isLate = clock.monotonic() - beganMs > retryForMs;
        if (isLate || !mayRepeat(error)) throw toStoreError(error);
        await clock.sleep(pauseMs);
      }
    }
    return await run().catch(error => {
      throw toStoreError(error);
    });
  }

  return {
    read: (scope, run) =>
      repeat(
        () => transact(scope, "READ ONLY", run),
        error => isLoss(error) || isConflict(error),
      ),
    write: (scope, run) => {
      // Until the first question was put, nothing can have been written.
      let hasBegun = false;
      const begin = (session: Session) => {
        hasBegun = true;
        return run(session);
      };
      return repeat(
        () => transact(scope, "READ WRITE", begin),
        error => isConflict(error) || (!hasBegun && isLoss(error)),
      );
    },
    maintain: run =>
      use(run).catch(error => {
        throw toStoreError(error);
      }),
    isBusy: () => pool.totalCount >= max && pool.idleCount === 0,
    close: () => pool.end(),
  };
}

/** One message: the transaction, how long it may take, what its commit means, and whom it may see. */
function toBegin(scope: Scope, mode: string, needsRole: boolean): string {
  const settings: [name: string, value: string][] = [
    ["statement_timeout", pg.escapeLiteral(String(limits.databaseStatementMsMax))],
    ["lock_timeout", pg.escapeLiteral(String(limits.databaseStatementMsMax))],
    [
      "idle_in_transaction_session_timeout",
      pg.escapeLiteral(String(2 * limits.databaseStatementMsMax)),
    ],
    // Whatever the server's default: never less than its own disk and, where there are any, its synchronous standbys'.
    [
      "synchronous_commit",
      "CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END",
    ],
    ["row_security", "'on'"],
    ...scopeSettings(scope),
    ...(needsRole ? ([["role", pg.escapeLiteral(memoryRole)]] as [string, string][]) : []),
  ];
  return `BEGIN ${mode}; ${toSetting(settings)}`;
}

/** Lets the rest of the transaction see another subject of the same tenant. */
export function enterScope(scope: Scope): string {
  return toSetting(scopeSettings(scope));
}

function scopeSettings(scope: Scope): [name: string, value: string][] {
  return [
    ["echorator.tenant", pg.escapeLiteral(scope.tenant)],
    ["echorator.subject", pg.escapeLiteral(scope.subject)],
  ];
}

/** For the transaction only (`true`): what the connection is given next finds nothing of it. */
function toSetting(settings: readonly [name: string, value: string][]): string {
  return `SELECT ${settings.map(([name, value]) => `set_config('${name}', ${value}, true)`).join(", ")}`;
}

function toSession(client: pg.PoolClient): Session {
  return {
    query: async (text, values) => {
      const result = await client.query<Row>(text, values === undefined ? undefined : [...values]);
      // A commit of what failed before is answered with ROLLBACK, not with an error.
      if (text === "COMMIT" && result.command !== "COMMIT")
        throw new Error("a transaction was undone at its commit");
      return result.rows ?? [];
    },
  };
}

function checkUrl(url: string): string {
  const text = url.trim();
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed !== undefined && ["postgres:", "postgresql:"].includes(parsed.protocol)) return text;
  throw new EngineError("invalid_config", "The memory's URL is no URL of PostgreSQL.", {
    field: "stores.urlFile",
    remedy:
      "Write postgres://user:password@host:5432/database into the file; % for what is special.",
  });
}

function busy(): EngineError {
  return new EngineError("overloaded", "Too many requests wait for the memory's database.", {
    retryAfterSeconds: 1,
  });
}

function nameOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
