/** Neighbours are what /proc counts beyond our own processes. */
import { describe, expect, it } from "vitest";
import {
  createNeighbours,
  parseBusyMs,
  parseProcessMs,
} from "../../../engine/inference/neighbours.ts";

const stat = (busy0: number, busy1: number) =>
  `cpu  9 9 9 9\ncpu0 ${busy0} 0 0 500 7 0 0 0 0 0\ncpu1 ${busy1} 0 0 500 7 0 0 0 0 0\nintr 1\n`;
const processStat = (ticks: number) => `7 (a ) b) S 1 1 1 0 -1 0 0 0 0 0 ${ticks} 0 0 0 20 0`;

describe("neighbours", () => {
  it("reads busy time of the allowed CPUs", () => {
    expect(parseBusyMs(stat(100, 50), new Set([0, 1]))).toBe(1_500);
    expect(parseBusyMs(stat(100, 50), new Set([1]))).toBe(500);
    expect(parseBusyMs("", new Set([0]))).toBeUndefined();
    expect(parseProcessMs(processStat(12))).toBe(120);
  });

  it("says how many cores others used", () => {
    const files: Record<string, string> = {
      "/proc/self/status": "Cpus_allowed_list:\t0-1\n",
      "/proc/stat": stat(0, 0),
      "/proc/7/stat": processStat(0),
      "/proc/8/stat": processStat(0),
    };
    let now = 0;
    const neighbours = createNeighbours(
      () => now,
      path => files[path],
      7,
    );
    now = 1_000;
    neighbours.sample([8]);
    files["/proc/stat"] = stat(100, 80);
    files["/proc/7/stat"] = processStat(10);
    files["/proc/8/stat"] = processStat(70);
    now = 2_000;
    const seen = neighbours.sample([8]);
    expect(seen?.allowed).toBe(2);
    expect(seen?.busy).toBeCloseTo(1);
    expect(neighbours.sample([8])).toBeUndefined();
  });

  it("knows nothing where there is no /proc", () => {
    expect(
      createNeighbours(
        () => 0,
        () => undefined,
      ).sample([]),
    ).toBeUndefined();
  });
});
