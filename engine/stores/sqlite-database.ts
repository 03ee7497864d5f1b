/** Opens a tenant's file: pragmas, migrations, and a look whether it is what it should be. */
import { closeSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { EngineError } from "../contract/errors.ts";
import { corruptFile, toStoreError } from "./sqlite-errors.ts";

/** "Echo": tells our files from other programs'. */
const applicationId = 0x4563686f;
/** Checking a file's structure reads all of it; beyond this size only what is used is checked, when it is used. */
const checkedBytesMax = 64 * 1024 * 1024;
/** How long a connection waits for another one of this process. */
const busyMs = 2_000;

export interface OpenOptions {
  /** The file may not grow beyond this. */
  bytesMax: number | undefined;
}

/** The connection that writes: makes the file when there is none. @throws EngineError memory_failed */
export function openForWriting(path: string, options: OpenOptions): DatabaseSync {
  return open(path, database => {
    refuseForeign(database, path);
    database.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; " +
        "PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF",
    );
    migrate(database, path);
    if (options.bytesMax !== undefined) setSizeMax(database, options.bytesMax);
    if (statSync(path).size <= checkedBytesMax) checkStructure(database, path);
  });
}

/** A connection beside the writing one; it sees what was committed. */
export function openForReading(path: string): DatabaseSync {
  return open(path, database => database.exec("PRAGMA query_only = ON"));
}

function open(path: string, prepare: (database: DatabaseSync) => void): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    // Closed before SQLite opens it: closing a file gives up every lock that the process has on it.
    closeSync(openSync(path, "a", 0o600));
    database = new DatabaseSync(path, { timeout: busyMs });
    prepare(database);
    return database;
  } catch (error) {
    database?.close();
    throw toOpenError(error, path);
  }
}

function toOpenError(error: unknown, path: string): unknown {
  const isDenied =
    error instanceof Error &&
    "code" in error &&
    ["EACCES", "EPERM", "EISDIR"].includes(String(error.code));
  if (!isDenied) return toStoreError(error, path);
  return new EngineError("memory_failed", `${basename(path)} cannot be opened for writing.`, {
    cause: error,
    remedy: "Make the memory folder and its files writable for the engine's user.",
  });
}

function refuseForeign(database: DatabaseSync, path: string): void {
  const tables = toNumber(database, "SELECT count(*) FROM sqlite_schema");
  if (tables > 0 && toNumber(database, "PRAGMA application_id") !== applicationId)
    throw corruptFile(basename(path));
}

/** Applies what is missing, all or nothing. A file of the future is left alone. */
function migrate(database: DatabaseSync, path: string): void {
  const folder = join(import.meta.dirname, "migrations");
  const files = readdirSync(folder)
    .filter(name => name.endsWith(".sql"))
    .sort();
  const version = toNumber(database, "PRAGMA user_version");
  if (version > files.length)
    throw new EngineError("memory_failed", `${basename(path)} was written by a newer Echorator.`, {
      remedy: "Run the version that wrote it, or a newer one.",
    });
  if (version === files.length) return;
  const steps = files.slice(version).map(name => readFileSync(join(folder, name), "utf8"));
  database.exec(
    `BEGIN IMMEDIATE; ${steps.join("\n")}; PRAGMA application_id = ${applicationId}; ` +
      `PRAGMA user_version = ${files.length}; COMMIT`,
  );
}

function setSizeMax(database: DatabaseSync, bytesMax: number): void {
  const pageBytes = toNumber(database, "PRAGMA page_size");
  database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(bytesMax / pageBytes))}`);
}

/** @throws EngineError memory_failed */
export function checkStructure(database: DatabaseSync, path: string): void {
  const found = database.prepare("PRAGMA quick_check(1)").get();
  if (found === undefined || Object.values(found)[0] !== "ok") throw corruptFile(basename(path));
}

function toNumber(database: DatabaseSync, query: string): number {
  const row = database.prepare(query).get();
  return row === undefined ? 0 : Number(Object.values(row)[0]);
}
