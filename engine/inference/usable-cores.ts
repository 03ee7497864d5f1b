/** Usable cores: what affinity, a container's quota and hyper-threads leave of the machine. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";

/** Reads a file's text; undefined when there is none. */
export type ReadText = (path: string) => string | undefined;

/** Cores that this process may keep busy; at least 1. */
export function usableCores(
  read: ReadText = readText,
  parallelism: number = availableParallelism(),
): number {
  const allowed = parseCpuList(fieldOf(read("/proc/self/status") ?? "", "Cpus_allowed_list"));
  const cores = countPhysicalCores(allowed, read);
  const quota = readQuota(read);
  return Math.max(1, Math.min(parallelism, cores ?? parallelism, Math.floor(quota ?? Infinity)));
}

/** `0-2,5` → [0, 1, 2, 5] */
export function parseCpuList(text: string): number[] {
  return text
    .split(",")
    .map(part => /^(\d+)(?:-(\d+))?$/.exec(part.trim()))
    .flatMap(match => {
      if (match === null) return [];
      const first = Number(match[1]);
      const last = Math.min(Number(match[2] ?? first), first + 4_096);
      return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
    });
}

/** Cores that `cpu.max` of cgroup v2 allows; undefined without a limit. */
export function parseCpuMax(text: string): number | undefined {
  const [quota, period] = text.trim().split(/\s+/).map(Number);
  return toQuota(quota, period);
}

/** Cores that the two files of cgroup v1 allow; a quota of -1 is no limit. */
export function parseCfsQuota(quotaText: string, periodText: string): number | undefined {
  return toQuota(Number(quotaText), Number(periodText));
}

function toQuota(quota: number | undefined, period: number | undefined): number | undefined {
  if (quota === undefined || period === undefined) return undefined;
  return quota > 0 && period > 0 ? quota / period : undefined;
}

/** This process's group of the unified hierarchy and of v1's cpu controller, from /proc/self/cgroup. */
export function parseCgroups(text: string): {
  unified: string | undefined;
  cpu: string | undefined;
} {
  const groups = text.split("\n").map(line => /^(\d+):([^:]*):(.*)$/.exec(line));
  const pathOf = (wanted: (id: string, controllers: string[]) => boolean) =>
    groups.find(
      match => match !== null && wanted(match[1] ?? "", (match[2] ?? "").split(",")),
    )?.[3];
  return {
    unified: pathOf((id, controllers) => id === "0" && controllers.join() === ""),
    cpu: pathOf((_, controllers) => controllers.includes("cpu")),
  };
}

/** The smallest quota of this process's group and of the groups around it. */
function readQuota(read: ReadText): number | undefined {
  const groups = parseCgroups(read("/proc/self/cgroup") ?? "");
  const unified = foldersUpwards(groups.unified).map(folder =>
    parseCpuMax(read(join("/sys/fs/cgroup", folder, "cpu.max")) ?? ""),
  );
  const old = foldersUpwards(groups.cpu).map(folder => {
    const root = join("/sys/fs/cgroup/cpu", folder);
    const quota = read(join(root, "cpu.cfs_quota_us"));
    const period = read(join(root, "cpu.cfs_period_us"));
    return quota === undefined || period === undefined ? undefined : parseCfsQuota(quota, period);
  });
  const quotas = [...unified, ...old].filter(quota => quota !== undefined);
  return quotas.length === 0 ? undefined : Math.min(...quotas);
}

/** `/a/b` → /a/b, /a, /; inside a container the own group is often mounted as the root. */
function foldersUpwards(group: string | undefined): string[] {
  if (group === undefined) return [];
  const folders = [group];
  for (let folder = group; folder !== "/" && folder !== "." && folders.length < 64; ) {
    folder = dirname(folder);
    folders.push(folder);
  }
  return folders;
}

/** Hyper-threads of one core share its arithmetic, so they count once; undefined when nothing tells. */
function countPhysicalCores(allowed: readonly number[], read: ReadText): number | undefined {
  if (allowed.length === 0) return undefined;
  const siblings = allowed.map(
    cpu =>
      read(`/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`)?.trim() ?? `${cpu}`,
  );
  return new Set(siblings).size;
}

function fieldOf(text: string, name: string): string {
  const line = text.split("\n").find(candidate => candidate.startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim() ?? "";
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
