/** Whether a port can be had, and who has it when not. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { promisify } from "node:util";
import { commandOf } from "./process-identity.ts";

export type PortState = "free" | "in-use" | "no-such-address" | "forbidden";

/** Tries the port in earnest, for a moment. */
export function probePort(host: string, port: number): Promise<PortState> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve("in-use");
      else if (error.code === "EACCES") resolve("forbidden");
      else if (error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND")
        resolve("no-such-address");
      else reject(error);
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve("free")));
  });
}

export async function waitUntilFree(
  host: string,
  port: number,
  timeoutMs: number,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while ((await probePort(host, port)) === "in-use") {
    if (performance.now() > deadline) return false;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  return true;
}

/**
 * The pids that listen on `port`, as far as this user may see; empty when that cannot be known.
 * `likely` is looked at first: looking at every process of a large machine takes a while.
 */
export async function findHolders(port: number, likely?: number): Promise<number[]> {
  if (process.platform === "linux") return linuxHolders(port, likely);
  if (process.platform === "win32") return [];
  try {
    const options = ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-t"];
    const { stdout } = await promisify(execFile)("lsof", options, { timeout: 5_000 });
    return stdout.split("\n").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Such as `process 4711 (node server.js)`. */
export function describeHolder(pids: readonly number[]): string | undefined {
  const [pid] = pids;
  if (pid === undefined) return undefined;
  const command = commandOf(pid);
  return command === undefined ? `process ${pid}` : `process ${pid} (${command})`;
}

function linuxHolders(port: number, likely: number | undefined): number[] {
  const inodes = new Set(
    ["/proc/net/tcp", "/proc/net/tcp6"].flatMap(path => listeningInodes(readText(path), port)),
  );
  if (inodes.size === 0) return [];
  const holds = (pid: number) => socketsOf(pid).some(inode => inodes.has(inode));
  if (likely !== undefined && holds(likely)) return [likely];
  return readNames("/proc")
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(holds);
}

/** Socket inodes that listen on `port`, from the text of /proc/net/tcp. */
export function listeningInodes(text: string, port: number): string[] {
  const listening = "0A";
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return text
    .split("\n")
    .slice(1)
    .map(line => line.trim().split(/\s+/))
    .filter(fields => fields[1]?.endsWith(suffix) && fields[3] === listening)
    .flatMap(fields => fields[9] ?? []);
}

function socketsOf(pid: number): string[] {
  return readNames(`/proc/${pid}/fd`).flatMap(descriptor => {
    try {
      const target = readlinkSync(`/proc/${pid}/fd/${descriptor}`);
      return /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [];
    } catch {
      return [];
    }
  });
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
