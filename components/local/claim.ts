/** One supervisor a home: the file that says who has it, made in one step and taken over only from the dead. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { homeLayout } from "../../engine/contract/endpoints.ts";
import { isAlive, type ProcessIdentity } from "./process-identity.ts";

/** @throws Error that names the process that has the home already */
export function claim(home: string, self: ProcessIdentity): void {
  const path = claimPath(home);
  const own = `${path}.${self.pid}`;
  writeFileSync(own, JSON.stringify(self), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      if (link(own, path)) return;
      const holder = readHolder(path);
      if (holder !== undefined && isAlive(holder))
        throw new Error(`${home} has a supervisor already: process ${holder.pid}`);
      // Moved aside rather than removed: of two that see the same remains, one finds nothing to move.
      moveAside(path, `${path}.stale.${self.pid}`);
    }
    throw new Error(`${path} could not be taken: others take it at the same time`);
  } finally {
    rmSync(own, { force: true });
  }
}

/** Whether the home is still this process's: a home that was removed, or taken over, is not. */
export function holdsClaim(home: string, self: ProcessIdentity): boolean {
  const holder = readHolder(claimPath(home));
  return holder?.pid === self.pid && holder.startTime === self.startTime;
}

export function release(home: string): void {
  rmSync(claimPath(home), { force: true });
}

function claimPath(home: string): string {
  return join(home, homeLayout.run, "supervisor.claim");
}

function link(own: string, path: string): boolean {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

function readHolder(path: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as ProcessIdentity;
  } catch {
    return undefined;
  }
}

function moveAside(path: string, aside: string): void {
  try {
    renameSync(path, aside);
    rmSync(aside, { force: true });
  } catch {
    // Another was faster; the next attempt sees what it made.
  }
}
