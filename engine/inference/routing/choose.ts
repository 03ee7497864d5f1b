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
  /** The worker that the prompt belongs to, by consistent hashing. */
  home: string | undefined;
  /** How sure it is that the prefix is asked for again, and by other gateways there: 0 to 1. */
  worth: number;
  candidates: readonly Candidate[];
}

/** prefix: it should be cached there · hash: it is the prompt's home · least: the least to wait for. */
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
  /** What a block costs that is kept away from home, where other gateways look for it. */
  awayCost: 4,
  /** What a stream that is being decoded slows a prompt by. */
  streamCost: 1,
} as const;

/** @returns undefined when there is no candidate */
export function choose(question: Question): Choice | undefined {
  const { blocks, key, home, candidates } = question;
  const bound = loadBound(candidates);
  const within = candidates.filter(one => one.running < Math.max(bound, one.slots));
  const [best] = (within.length > 0 ? within : candidates)
    .map(candidate => ({ candidate, cost: costOf(candidate, question) }))
    .sort((a, b) => a.cost - b.cost || toRank(key, b.candidate.id) - toRank(key, a.candidate.id));
  if (best === undefined) return undefined;
  const { id, matched, running } = best.candidate;
  const why = matched >= 1 ? "prefix" : id === home ? "hash" : "least";
  return { id, why, matched, blocks, running, bound };
}

/** What is waited for there, and what choosing it costs the caches of all. */
function costOf(candidate: Candidate, { blocks, home, worth }: Question): number {
  const { matched, pending, running, id } = candidate;
  const found = id === home ? worth * (blocks - matched) : 0;
  const away = id === home ? 0 : settings.awayCost * worth * blocks;
  const missing = blocks - matched - found;
  return pending + running * settings.streamCost + settings.recomputeCost * missing + away;
}

/** As in consistent hashing with bounded loads: a worker's share of all that runs, with some room. */
function loadBound(candidates: readonly Candidate[]): number {
  const running = candidates.reduce((sum, one) => sum + one.running, 0);
  return Math.ceil((settings.loadFactor * (running + 1)) / Math.max(1, candidates.length));
}
