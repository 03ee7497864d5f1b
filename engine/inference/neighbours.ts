/** Neighbours: how many cores other processes are using, so that our threads do not fight them. */
import { readFileSync } from "node:fs";
import { parseCpuList, type ReadText } from "./usable-cores.ts";

export interface Neighbours {
  /**
   * Cores that were busy, since the last call, with anything but this process and `pids`.
   * undefined where the system does not tell.
   */
  sample(pids: readonly number[]): { busy: number; allowed: number } | undefined;
}

interface Reading {
  atMs: number;
  busyMs: number;
  own: Map<number, number>;
}

/** Linux counts CPU time in hundredths of a second. */
const tickMs = 10;
/** A shorter time says more of the counting than of the machine. */
const shortestMs = 100;

export function createNeighbours(
  now: () => number,
  read: ReadText = readText,
  self: number = process.pid,
): Neighbours {
  const allowed = parseCpuList(
    /^Cpus_allowed_list:\s*(.*)$/m.exec(read("/proc/self/status") ?? "")?.[1] ?? "",
  );
  const take = (pids: readonly number[]): Reading | undefined => {
    const busyMs = parseBusyMs(read("/proc/stat") ?? "", new Set(allowed));
    if (busyMs === undefined) return undefined;
    const own = [self, ...pids].map(
      pid => [pid, parseProcessMs(read(`/proc/${pid}/stat`))] as const,
    );
    return { atMs: now(), busyMs, own: new Map(own) };
  };
  let before = take([]);
  return {
    sample(pids) {
      const after = take(pids);
      if (after === undefined || before === undefined) return undefined;
      const elapsed = after.atMs - before.atMs;
      if (elapsed < shortestMs) return undefined;
      let others = after.busyMs - before.busyMs;
      for (const [pid, ms] of after.own) others -= ms - (before.own.get(pid) ?? ms);
      before = after;
      return { busy: Math.max(0, others / elapsed), allowed: allowed.length };
    },
  };
}

/** Time that the CPUs of `allowed` were not idle, from /proc/stat. */
export function parseBusyMs(text: string, allowed: ReadonlySet<number>): number | undefined {
  const lines = [...text.matchAll(/^cpu(\d+) (.*)$/gm)].filter(line =>
    allowed.has(Number(line[1])),
  );
  if (lines.length === 0) return undefined;
  let ticks = 0;
  for (const line of lines) {
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (line[2] ?? "")
      .trim()
      .split(/\s+/)
      .map(Number);
    ticks += user + nice + system + irq + softirq + steal;
  }
  return ticks * tickMs;
}

/** CPU time of a process from its stat file; its name may hold spaces and brackets. */
export function parseProcessMs(text: string | undefined): number {
  if (text === undefined) return 0;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * tickMs;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
