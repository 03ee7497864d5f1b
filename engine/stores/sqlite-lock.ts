/** One engine a memory folder: a lock that dies with its process, however it dies. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { EngineError } from "../contract/errors.ts";

export interface FolderLock {
  release(): void;
}

/**
 * SQLite's own lock on an empty file, taken from the operating system, so that nothing is left behind by kill -9.
 * Who holds it stands in a file beside it: reading the locked file itself would give up our lock.
 * @throws EngineError memory_failed naming the holder
 */
export function lockFolder(folder: string, nowMs: number): FolderLock {
  const holder = join(folder, "lock.holder");
  const database = new DatabaseSync(join(folder, "lock"), { timeout: 0 });
  try {
    database.exec("BEGIN IMMEDIATE");
  } catch (error) {
    database.close();
    throw new EngineError("memory_failed", `${folder} is in use by ${readHolder(holder)}.`, {
      cause: error,
      remedy: "Stop that engine, or give this one another home folder.",
    });
  }
  const since = new Date(nowMs).toISOString();
  writeFileSync(holder, `the engine with process id ${process.pid}, since ${since}`, {
    mode: 0o600,
  });
  return { release: () => database.close() };
}

function readHolder(path: string): string {
  try {
    return readFileSync(path, "utf8").trim() || "another program";
  } catch {
    // The holder has the lock but has not yet said who it is.
    return "another program";
  }
}
