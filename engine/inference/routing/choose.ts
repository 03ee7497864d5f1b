/** The choice of a worker for one prompt: where its prefix lies, unless too much waits there. Pure, and it says why. */
import { toRank } from "./prefix.ts";

/** What is known of a worker that may be chosen. Work is counted in blocks of prompt. */
export interface Candidate {
  id: string;
  /** Blocks of this prompt that it should have cached. */
  matched: number;
  /** Blocks of prompts that were sent to it and have no first token yet. */
  pending: number;
  /** Requests that it answers or that wait there. */
  running: number;
  slots: number;
}

export interface Question {
  /** Blocks of the prompt. */
  blocks: number;
  /** What consistent hashing goes by; gateways that do not know each other have the same. */
  key: number;
  /** The share of the unknown part of a prompt that its own worker had cached lately, thanks to other gateways. */
  hope: number;
  candidates: readonly Candidate[];
}

/** prefix: it should be cached there · hash: its own worker by consistent hashing · least: the least to wait for. */
export type Why = "prefix" | "hash" | "least";

export interface Choice {
  id: string;
  why: Why;
  matched: number;
  blocks: number;
  running: number;
  /** Requests above which a worker was left out. */
  bound: number;
}

export const settings = {
  /** No worker gets more than that many times its share of what runs, once its slots are full. */
  loadFactor: 1.5,
  /** What computing a block again costs beside its time: it pushes another block out of a cache. */
  recomputeCost: 2,
  /** What a stream that is being decoded slows a prompt by. */
  streamCost: 1,
} as const;

/** @returns undefined when there is no candidate */
export function choose(question: Question): Choice | undefined {
  const { blocks, key, hope, candidates } = question;
  const bound = loadBound(candidates);
  const within = candidates.filter(one => one.running < Math.max(bound, one.slots));
  const ranked = [...(within.length > 0 ? within : candidates)].sort(
    (a, b) => toRank(key, b.id) - toRank(key, a.id),
  );
  const own = [...candidates].reduce<Candidate | undefined>(
    (best, one) => (best === undefined || toRank(key, one.id) > toRank(key, best.id) ? one : best),
    undefined,
  );
  let best: { candidate: Candidate; cost: number; hoped: boolean } | undefined;
  for (const candidate of ranked) {
    const hoped = candidate === own ? hope * (blocks - candidate.matched) : 0;
    const missing = blocks - candidate.matched - hoped;
    const cost =
      candidate.pending +
      candidate.running * settings.streamCost +
      settings.recomputeCost * missing;
    if (best === undefined || cost < best.cost - 1e-9) best = { candidate, cost, hoped: hoped > 0 };
  }
  if (best === undefined) return undefined;
  const { id, matched, running } = best.candidate;
  const why = matched >= 1 ? "prefix" : best.hoped || id === own?.id ? "hash" : "least";
  return { id, why, matched, blocks, running, bound };
}

/** As in consistent hashing with bounded loads: a worker's share of all that runs, with some room. */
function loadBound(candidates: readonly Candidate[]): number {
  const running = candidates.reduce((sum, one) => sum + one.running, 0);
  return Math.ceil((settings.loadFactor * (running + 1)) / Math.max(1, candidates.length));
}
