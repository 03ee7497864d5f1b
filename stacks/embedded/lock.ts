/** One deployment at a time for a stack: lock files where Pulumi's file backend has them, taken over from a process that is dead. */
import { randomUUID } from "node:crypto";
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { identify } from "../../components/local/process-identity.ts";
import { EngineError } from "../../engine/contract/errors.ts";

/** The first four are Pulumi's. */
interface Holder {
  pid: number;
  username: string;
  hostname: string;
  timestamp: string;
  /** Tells a process from a later one with the same pid. */
  processStart?: string;
}

export interface Lock {
  /** What was taken over from a dead process, for the user to read. */
  notices: string[];
  release(): void;
}

function isDead(holder: Holder): boolean {
  if (holder.hostname !== hostname()) return false;
  const start = identify(holder.pid)?.startTime;
  if (start === undefined) return true;
  return holder.processStart !== undefined && holder.processStart !== start;
}

function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

function thisProcess(): Holder {
  const start = identify(process.pid)?.startTime;
  return {
    pid: process.pid,
    username: userInfo().username,
    hostname: hostname(),
    timestamp: new Date().toISOString(),
    ...(start === undefined ? {} : { processStart: start }),
  };
}

function refuse(stack: string, path: string, holder: Holder | undefined): never {
  const who =
    holder === undefined
      ? `the lock file ${path}, which cannot be read`
      : `process ${holder.pid} of ${holder.username} on ${holder.hostname} since ${holder.timestamp}`;
  throw new EngineError("conflict", `stack ${stack} is being deployed by ${who}`, {
    remedy: `Wait for it to end and run the command again; if it is gone for certain, delete ${path}.`,
  });
}

/** The CLI's file backend lays a file of attributes beside each of its own. */
function listLocks(folder: string): string[] {
  return readdirSync(folder).filter(name => name.endsWith(".json"));
}

/** Moves a dead process's lock aside; puts it back should another process have taken it over in between. */
function takeOver(path: string, dead: Holder, aside: string): string | undefined {
  renameSync(path, aside);
  const moved = readHolder(aside);
  const isSameHolder = moved?.pid === dead.pid && moved.timestamp === dead.timestamp;
  if (!isSameHolder) linkSync(aside, path);
  else rmSync(`${path}.attrs`, { force: true });
  rmSync(aside);
  return isSameHolder
    ? `took over the lock of process ${dead.pid}, which ended without finishing its deployment`
    : undefined;
}

/** Holds the lock of `stack`, or refuses in one sentence that names who has it. */
export function takeLock(folder: string, stack: string): Lock {
  mkdirSync(folder, { recursive: true });
  const own = join(folder, "embedded.json");
  const scratch = join(folder, "..", `.${randomUUID()}`);
  const notices: string[] = [];
  const clearDead = (path: string): void => {
    const holder = readHolder(path);
    if (holder === undefined || !isDead(holder)) refuse(stack, path, holder);
    const notice = takeOver(path, holder, `${scratch}.dead`);
    if (notice !== undefined) notices.push(notice);
  };
  for (const name of listLocks(folder)) clearDead(join(folder, name));
  writeFileSync(scratch, JSON.stringify(thisProcess()));
  try {
    // A link appears at once and with its content, and fails when the name is taken.
    linkSync(scratch, own);
  } catch {
    refuse(stack, own, readHolder(own));
  } finally {
    rmSync(scratch);
  }
  const release = (): void => rmSync(own, { force: true });
  const others = listLocks(folder).filter(name => name !== "embedded.json");
  if (others[0] !== undefined) {
    release();
    const path = join(folder, others[0]);
    refuse(stack, path, readHolder(path));
  }
  return { notices, release };
}
