/** Which process a pid means: a pid alone is given out again, a pid with its start time is not. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

export interface ProcessIdentity {
  pid: number;
  /** Opaque; equal for equal processes, different after a reboot. */
  startTime: string;
}

/** The process that has `pid` now; undefined when there is none, or only its remains that no one collected. */
export function identify(pid: number): ProcessIdentity | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  const startTime = process.platform === "linux" ? linuxStartTime(pid) : otherStartTime(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startTime === identity.startTime;
}

/** Sends `signal` to the process, or to its whole group, unless it is gone. */
export function signalProcess(
  identity: ProcessIdentity,
  signal: NodeJS.Signals,
  target: "process" | "group" = "process",
): void {
  try {
    process.kill(target === "group" ? -identity.pid : identity.pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** Resolves with true once the process is gone, with false after `timeoutMs`. */
export async function waitForEnd(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isAlive(identity)) {
    if (performance.now() > deadline) return false;
    await new Promise(resolve => setTimeout(resolve, 25));
  }
  return true;
}

/** The command of a process, shortened, as far as this user may read it. */
export function commandOf(pid: number): string | undefined {
  try {
    const text =
      process.platform === "linux"
        ? readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")
        : ps("command=", pid);
    return text.trim().slice(0, 120) || undefined;
  } catch {
    return undefined;
  }
}

function linuxStartTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const ticks = parseStartTicks(stat);
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8);
    return ticks === undefined ? undefined : `${ticks}@${boot}`;
  } catch {
    return undefined;
  }
}

/** Ticks between boot and start in the text of /proc/PID/stat; undefined for a process that has ended. */
export function parseStartTicks(stat: string): string | undefined {
  // The second field is the command in brackets, which may hold blanks and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state] = fields;
  return state === "Z" || state === "X" ? undefined : fields[19];
}

function otherStartTime(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
    if (process.platform === "win32") return "unknown";
    const line = ps("state=,lstart=", pid);
    return line === "" || line.startsWith("Z") ? undefined : line.replace(/^\S+\s+/, "");
  } catch {
    return undefined;
  }
}

function ps(columns: string, pid: number): string {
  return execFileSync("/bin/ps", ["-o", columns, "-p", String(pid)], {
    encoding: "utf8",
    // A start time must read the same whoever asks, and in summer as in winter.
    env: { LC_ALL: "C", TZ: "UTC" },
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();
}
