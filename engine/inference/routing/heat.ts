/** How much of the traffic each prefix has: what is common to more than one worker's share is no reason to go to one worker. */
import type { PrefixChain } from "./prefix.ts";

export interface Heat {
  /** Counts the chain, and gives its first block that is not hot: what the prompt is hashed by. */
  keyOf(chain: PrefixChain, workers: number): number;
}

/** Requests after which a count is worth half. */
const halfLife = 512;

/** Prefixes that are counted; the one unused for longest is forgotten. */
const countedMax = 16_384;

/** Blocks from the beginning that are counted: a prefix that is hot beyond has hot blocks before. */
const depthMax = 256;

/** A prefix is hot when it has more than that many times one worker's share. */
const hotShare = 1;

export function createHeat(): Heat {
  const counts = new Map<number, { count: number; at: number }>();
  let requests = 0;
  const decayed = (entry: { count: number; at: number }) =>
    entry.count * 0.5 ** ((requests - entry.at) / halfLife);
  const count = (block: number): number => {
    const before = counts.get(block);
    const now = 1 + (before === undefined ? 0 : decayed(before));
    counts.delete(block);
    counts.set(block, { count: now, at: requests });
    return now;
  };
  const trim = () => {
    for (const oldest of counts.keys()) {
      if (counts.size <= countedMax) return;
      counts.delete(oldest);
    }
  };
  return {
    keyOf(chain, workers) {
      requests += 1;
      // What all counts together come to after so many requests.
      const total = (1 - 0.5 ** (requests / halfLife)) / (1 - 0.5 ** (1 / halfLife));
      const hot = (hotShare * total) / Math.max(1, workers);
      let key = chain.at(-1) ?? 0;
      for (const block of chain.slice(0, depthMax)) {
        if (count(block) > Math.max(4, hot)) continue;
        key = block;
        break;
      }
      trim();
      return key;
    },
  };
}
