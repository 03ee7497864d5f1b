/** Dispatcher: what one gateway knows of one model's workers, and its choice for each prompt. No clock, no effects. */
import { type Candidate, type Choice, choose } from "./choose.ts";
import { createHeat } from "./heat.ts";
import { createHomes } from "./homes.ts";
import { blockCharacters, type PrefixChain } from "./prefix.ts";
import { createPrefixIndex, type PrefixIndex } from "./prefix-index.ts";

/** A worker that may be chosen, as it says of itself. */
export interface DispatchWorker {
  id: string;
  slots: number;
  /** Tokens that all its sequences hold together. */
  cacheTokens: number;
  /** Requests that it answers or that wait there, those of other gateways included; as it said last. */
  reported: number;
}

export interface Dispatched {
  choice: Choice;
  /** The first token is there: its prompt is no work any more. */
  first(): void;
  /** It has ended; `cachedShare` is the part of the prompt that the worker had cached, when it said so. */
  end(cachedShare?: number): void;
}

export interface Dispatcher {
  dispatch(chain: PrefixChain, workers: readonly DispatchWorker[]): Dispatched | undefined;
  /** Requests that this gateway has there now. */
  running(id: string): number;
  /** The worker is gone, and its cache with it. */
  forget(id: string): void;
}

interface Known {
  index: PrefixIndex;
  pending: number;
  running: number;
}

/** Characters of a token, about; only the bound of what is remembered depends on it. */
const tokenCharacters = 4;

/** Weight of one request in what is learnt. */
const learning = 1 / 16;

export function createDispatcher(): Dispatcher {
  const workers = new Map<string, Known>();
  const heat = createHeat();
  const homes = createHomes();
  /** Blocks that a request of others leaves to compute, about. */
  let usualWork = 4;

  const known = ({ id, cacheTokens }: DispatchWorker): Known => {
    const blocks = (cacheTokens * tokenCharacters) / blockCharacters;
    const before = workers.get(id);
    if (before !== undefined) return before;
    const fresh = { index: createPrefixIndex(Math.max(64, blocks)), pending: 0, running: 0 };
    workers.set(id, fresh);
    return fresh;
  };

  const toCandidate = (worker: DispatchWorker, chain: PrefixChain): Candidate => {
    const { index, pending, running } = known(worker);
    const others = Math.max(0, worker.reported - running);
    const waiting = Math.max(0, worker.reported - worker.slots);
    return {
      id: worker.id,
      matched: index.matched(chain),
      pending: pending + Math.min(others, waiting) * usualWork,
      running: running + others,
      slots: worker.slots,
    };
  };

  return {
    dispatch(chain, candidates) {
      const blocks = Math.max(1, chain.length - 1);
      const key = heat.keyOf(chain, candidates.length);
      const ids = candidates.map(worker => worker.id);
      const { worker: home, worth } = homes.homeOf(key, blocks, ids);
      const choice = choose({
        ...{ blocks, key, home, worth },
        candidates: candidates.map(worker => toCandidate(worker, chain)),
      });
      const worker = choice === undefined ? undefined : workers.get(choice.id);
      if (choice === undefined || worker === undefined) return undefined;
      const work = Math.max(0, blocks - choice.matched);
      usualWork += learning * (work - usualWork);
      worker.index.add(chain);
      worker.pending += work;
      worker.running += 1;
      let isPending = true;
      let isRunning = true;
      const first = () => {
        if (isPending) worker.pending -= work;
        isPending = false;
      };
      return {
        choice,
        first,
        end(cachedShare) {
          first();
          if (isRunning) worker.running -= 1;
          isRunning = false;
          // A server that does not say is believed to have what it was sent.
          homes.learn(key, cachedShare ?? Math.min(1, choice.matched / blocks));
        },
      };
    },
    running: id => workers.get(id)?.running ?? 0,
    forget: id => void workers.delete(id),
  };
}
