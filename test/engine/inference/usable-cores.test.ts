/** Usable cores are read from affinity, quotas and topology as Linux writes them. */
import { describe, expect, it } from "vitest";
import {
  parseCfsQuota,
  parseCgroups,
  parseCpuList,
  parseCpuMax,
  usableCores,
} from "../../../engine/inference/usable-cores.ts";

const machine = (files: Record<string, string>) => (path: string) => files[path];

describe("usable cores", () => {
  it("reads lists of CPUs", () => {
    expect(parseCpuList("0-3,8,10-11")).toEqual([0, 1, 2, 3, 8, 10, 11]);
    expect(parseCpuList("")).toEqual([]);
    expect(parseCpuList("nonsense")).toEqual([]);
  });

  it("reads quotas of both kinds of cgroup", () => {
    expect(parseCpuMax("150000 100000\n")).toBe(1.5);
    expect(parseCpuMax("max 100000\n")).toBeUndefined();
    expect(parseCpuMax("")).toBeUndefined();
    expect(parseCfsQuota("-1\n", "100000\n")).toBeUndefined();
    expect(parseCfsQuota("400000", "100000")).toBe(4);
  });

  it("finds the process's groups", () => {
    expect(parseCgroups("0::/user.slice/a\n")).toEqual({
      unified: "/user.slice/a",
      cpu: undefined,
    });
    expect(parseCgroups("4:cpuset:/x\n3:cpu,cpuacct:/docker/b\n")).toEqual({
      unified: undefined,
      cpu: "/docker/b",
    });
  });

  it("takes what affinity, quota and machine leave at the least", () => {
    const files = {
      "/proc/self/status": "Name:\tnode\nCpus_allowed_list:\t0-7\n",
      "/proc/self/cgroup": "0::/pod/engine\n",
      "/sys/fs/cgroup/pod/cpu.max": "350000 100000",
      "/sys/fs/cgroup/pod/engine/cpu.max": "max 100000",
    };
    expect(usableCores(machine(files), 16)).toBe(3);
    expect(usableCores(machine({ ...files, "/sys/fs/cgroup/pod/cpu.max": "max 100000" }), 16)).toBe(
      8,
    );
    expect(usableCores(machine(files), 2)).toBe(2);
  });

  it("never says less than one", () => {
    const files = {
      "/proc/self/cgroup": "1:cpu:/\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000",
    };
    const period = { "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000" };
    expect(usableCores(machine({ ...files, ...period }), 4)).toBe(1);
    expect(usableCores(() => undefined, 4)).toBe(4);
  });

  it("counts hyper-threads of one core once", () => {
    const siblings = ["0,4", "1,5", "2,6", "3,7", "0,4", "1,5", "2,6", "3,7"];
    const files = Object.fromEntries(
      siblings.map((text, cpu) => [
        `/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`,
        text,
      ]),
    );
    const status = { "/proc/self/status": "Cpus_allowed_list:\t0-7\n" };
    expect(usableCores(machine({ ...files, ...status }), 8)).toBe(4);
  });
});
