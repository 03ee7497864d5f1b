/** Homes: which worker each prefix belongs to. Consistent hashing with bounded loads, by what was seen; gateways that see alike traffic agree. */
import { toRank } from "./prefix.ts";

export interface Home {
  worker: string | undefined;
  /** How much it pays to go there rather than anywhere: 0 for what is never asked again, towards 1. */
  worth: number;
}

export interface Homes {
  /** The prefix's worker; `blocks` is how much of a cache it takes, about. */
  homeOf(key: number, blocks: number, workers: readonly string[]): Home;
  /** The part of a prompt with that prefix that some worker had cached. */
  learn(key: number, cachedShare: number): void;
}

/** Weight of the last request in what is known of one prefix, and of one request in what is expected of new ones. */
const learning = { prefix: 0.5, any: 1 / 16 };

/** Cached share that is chance and not worth a way, and how much more of it is worth half of what it can be. */
const chance = 0.05;
const halfWorth = 0.1;

/** Prefixes that are known; the one unused for longest is forgotten. */
const keysMax = 8_192;

/** Requests after which a prefix's weight is half of what it was. */
const halfLife = 4_096;

/**
 * Of a worker's equal share, what it is given before prefixes go to the next. The tighter, the evener, and the oftener two
 * gateways disagree; an uneven cache costs more than an uneven load, which is evened out with each request anyway.
 */
const slack = { requests: 3, blocks: 1.25 };

/** Requests between two looks at all prefixes; in between, new ones go where room is left. */
const planEvery = 512;

/** With more workers than that, shares are even enough by themselves. */
const boundedWorkersMax = 64;

interface Known {
  key: number;
  count: number;
  at: number;
  blocks: number;
  home: string | undefined;
  /** Cached share of its prompts, lately. */
  found: number;
}

interface Room {
  requests: number;
  blocks: number;
}

export function createHomes(): Homes {
  const known = new Map<number, Known>();
  let rooms = new Map<string, Room>();
  let requests = 0;
  let plannedFor = "";
  let plannedAt = -Infinity;
  let usual = 0.5;

  const weightOf = (entry: Known) => entry.count * 0.5 ** ((requests - entry.at) / halfLife);
  const place = (entry: Known, workers: readonly string[]) => {
    const need = { requests: weightOf(entry), blocks: entry.blocks };
    const ranked = [...workers].sort((a, b) => toRank(entry.key, b) - toRank(entry.key, a));
    const home =
      ranked.find(worker => {
        const room = rooms.get(worker);
        return room !== undefined && room.requests >= need.requests && room.blocks >= need.blocks;
      }) ?? ranked[0];
    const room = home === undefined ? undefined : rooms.get(home);
    if (room !== undefined) {
      room.requests -= need.requests;
      room.blocks -= need.blocks;
    }
    entry.home = home;
  };
  /** In the order of the keys, which is the same everywhere. */
  const plan = (workers: readonly string[]) => {
    const alive = [...known.values()].filter(entry => weightOf(entry) >= 0.5);
    const total = { requests: 0, blocks: 0 };
    for (const entry of alive) {
      total.requests += weightOf(entry);
      total.blocks += entry.blocks;
    }
    const share = (all: number) => all / workers.length;
    rooms = new Map(
      workers.map(worker => [
        worker,
        {
          requests: slack.requests * share(total.requests),
          blocks: slack.blocks * share(total.blocks),
        },
      ]),
    );
    for (const entry of known.values()) entry.home = undefined;
    for (const entry of alive.sort((a, b) => a.key - b.key)) place(entry, workers);
    plannedAt = requests;
    plannedFor = workers.join(" ");
  };
  const touch = (key: number, blocks: number): Known => {
    const before = known.get(key);
    const count = 1 + (before === undefined ? 0 : weightOf(before));
    const found = before?.found ?? usual;
    const entry = { key, count, at: requests, blocks, home: before?.home, found };
    known.delete(key);
    known.set(key, entry);
    for (const oldest of known.keys()) {
      if (known.size <= keysMax) break;
      known.delete(oldest);
    }
    return entry;
  };

  return {
    homeOf(key, blocks, workers) {
      requests += 1;
      const entry = touch(key, blocks);
      const share = Math.max(0, entry.found - chance);
      const worth = share / (share + halfWorth);
      if (workers.length > boundedWorkersMax) return { worker: highest(key, workers), worth };
      const isDue =
        requests - plannedAt >= planEvery || plannedFor !== [...workers].sort().join(" ");
      if (isDue) plan([...workers].sort());
      if (entry.home === undefined || !workers.includes(entry.home)) place(entry, workers);
      return { worker: entry.home, worth };
    },
    learn(key, cachedShare) {
      usual += learning.any * (cachedShare - usual);
      const entry = known.get(key);
      if (entry !== undefined) entry.found += learning.prefix * (cachedShare - entry.found);
    },
  };
}

function highest(key: number, workers: readonly string[]): string | undefined {
  return workers.reduce<string | undefined>(
    (best, one) => (best === undefined || toRank(key, one) > toRank(key, best) ? one : best),
    undefined,
  );
}
