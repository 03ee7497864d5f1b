/** Canary: which conversations try the other weights, and when these are taken back. Pure but for the counters. */
import type { CanarySpec } from "../../contract/model.ts";
import type { Track } from "./catalog.ts";
import { toRank } from "./prefix.ts";

/** What one track did since the canary is as it is. */
export interface TrackCounts {
  requests: number;
  errors: number;
  /** Milliseconds to the first token, of the last requests. */
  firstTokenMs: readonly number[];
}

export type CanaryVerdict = { keep: true } | { keep: false; reason: string };

/** Taken back when it fails or dawdles more than the stable track and more than its own limits allow. */
export function judgeCanary(
  spec: CanarySpec,
  stable: TrackCounts,
  canary: TrackCounts,
): CanaryVerdict {
  if (canary.requests < spec.minRequests) return { keep: true };
  const failed = canary.errors / canary.requests;
  const usual = stable.requests === 0 ? 0 : stable.errors / stable.requests;
  if (failed > spec.maxErrorShare && failed > usual)
    return {
      keep: false,
      reason: `${toPercent(failed)} of its ${canary.requests} requests failed; ${toPercent(spec.maxErrorShare)} may, and of the stable ones ${toPercent(usual)} did`,
    };
  if (stable.firstTokenMs.length < spec.minRequests) return { keep: true };
  if (canary.firstTokenMs.length < spec.minRequests) return { keep: true };
  const slow = median(canary.firstTokenMs);
  const pace = median(stable.firstTokenMs);
  if (slow <= pace * spec.maxFirstTokenRatio) return { keep: true };
  return {
    keep: false,
    reason: `its first token takes ${Math.round(slow)} ms, the stable one's ${Math.round(pace)} ms; ${spec.maxFirstTokenRatio} times that may be`,
  };
}

/** Always the same track for the same scope, so that a conversation does not change its model. */
export function trackOf(cacheScope: string, weight: number): Track {
  return (toRank(0, `canary ${cacheScope}`) / 4_294_967_296) * 100 < weight ? "canary" : "stable";
}

/** Names one canary: other weights or another share are another trial. */
export function toTrial(spec: CanarySpec): string {
  return JSON.stringify([spec.source, spec.sha256 ?? "", spec.weight]);
}

export interface TrackCounter {
  counts(): TrackCounts;
  succeeded(): void;
  failed(): void;
  firstToken(ms: number): void;
}

/** Of these the median is taken. */
const latenciesMax = 256;

export function createTrackCounter(): TrackCounter {
  const counts = { requests: 0, errors: 0, firstTokenMs: [] as number[] };
  return {
    counts: () => counts,
    succeeded() {
      counts.requests += 1;
    },
    failed() {
      counts.requests += 1;
      counts.errors += 1;
    },
    firstToken(ms) {
      counts.firstTokenMs.push(ms);
      if (counts.firstTokenMs.length > latenciesMax) counts.firstTokenMs.shift();
    },
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function toPercent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
