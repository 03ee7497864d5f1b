/** A cluster in virtual time: gateways, workers with a stated prompt speed and a bounded cache, and requests that share prefixes. */
import type { Random } from "../../engine/kit/random.ts";

/** Tokens of one block; a prompt is a list of blocks, each of which stands for all text up to its end. */
export const blockTokens = 64;

export interface SimRequest {
  atMs: number;
  gateway: number;
  /** The scope first, then the prompt's blocks. */
  chain: readonly number[];
  /** Blocks that the reply adds: the next turn of a conversation begins with them. */
  replyBlocks: readonly number[];
  replyTokens: number;
}

export interface SimSettings {
  workers: number;
  /** Prompt tokens a second of one worker; prompts are computed one after the other. */
  promptSpeed: number;
  /** Tokens a second of each stream. */
  decodeSpeed: number;
  slots: number;
  /** Blocks that one worker's cache holds, the least recently used leaving first. */
  cacheBlocks: number;
}

export interface SimWorker {
  id: string;
  cache: Set<number>;
  /** Sent and not yet first-tokened blocks, queued ones included; what an oracle may look at. */
  pendingBlocks: number;
  running: number;
  /** Blocks that are certain to be there once all that was sent is computed, in the order of their last use. */
  promised: Set<number>;
}

/** A way to choose; `answered` and `ended` are what a real gateway would hear, from the worker that answers. */
export interface SimRouter {
  choose(request: SimRequest, workers: readonly SimWorker[]): Choice;
}

export interface Choice {
  worker: number;
  first?(running: number): void;
  end?(running: number, cachedShare: number): void;
}

export interface SimResult {
  cachedTokens: number;
  promptTokens: number;
  /** Mean and 99th percentile of the time to the first token. */
  meanMs: number;
  lateMs: number;
}

interface Job {
  request: SimRequest;
  choice: Choice;
  cached: number;
}

interface State {
  worker: SimWorker;
  /** Waiting for a slot, then for the computation of prompts. */
  line: Job[];
  prompts: Job[];
  busySlots: number;
  isComputing: boolean;
}

export function simulate(
  requests: readonly SimRequest[],
  settings: SimSettings,
  router: SimRouter,
): SimResult {
  const states = Array.from(
    { length: settings.workers },
    (_, index): State => ({
      worker: {
        ...{ id: `worker-${index}`, cache: new Set(), promised: new Set() },
        ...{ pendingBlocks: 0, running: 0 },
      },
      ...{ line: [], prompts: [], busySlots: 0, isComputing: false },
    }),
  );
  const workers = states.map(state => state.worker);
  const events = createEvents();
  const waits: number[] = [];
  let cachedTokens = 0;
  let promptTokens = 0;

  const compute = (state: State, nowMs: number) => {
    const job = state.isComputing ? undefined : state.prompts.shift();
    if (job === undefined) return;
    state.isComputing = true;
    const blocks = job.request.chain.length - 1;
    job.cached = Math.min(sharedBlocks(state.worker.cache, job.request.chain), blocks - 1);
    const ms = (((blocks - job.cached) * blockTokens) / settings.promptSpeed) * 1_000;
    events.at(nowMs + ms, () => firstToken(state, job, nowMs + ms));
  };
  const admit = (state: State, nowMs: number) => {
    while (state.busySlots < settings.slots && state.line.length > 0) {
      state.busySlots += 1;
      state.prompts.push(state.line.shift()!);
    }
    compute(state, nowMs);
  };
  const firstToken = (state: State, job: Job, nowMs: number) => {
    const { request, choice } = job;
    state.isComputing = false;
    const blocks = request.chain.length - 1;
    state.worker.pendingBlocks -= blocks;
    use(state.worker.cache, request.chain, settings.cacheBlocks);
    cachedTokens += job.cached * blockTokens;
    promptTokens += blocks * blockTokens;
    waits.push(nowMs - request.atMs);
    choice.first?.(state.worker.running);
    const ms = (request.replyTokens / settings.decodeSpeed) * 1_000;
    events.at(nowMs + ms, () => end(state, job, nowMs + ms));
    compute(state, nowMs);
  };
  const end = (state: State, { request, choice, cached }: Job, nowMs: number) => {
    const whole = [...request.chain, ...request.replyBlocks];
    use(state.worker.cache, whole, settings.cacheBlocks);
    use(state.worker.promised, whole, settings.cacheBlocks);
    state.worker.running -= 1;
    state.busySlots -= 1;
    choice.end?.(state.worker.running, cached / (request.chain.length - 1));
    admit(state, nowMs);
  };

  for (const request of requests)
    events.at(request.atMs, () => {
      const choice = router.choose(request, workers);
      const state = states[choice.worker]!;
      state.worker.running += 1;
      state.worker.pendingBlocks += request.chain.length - 1;
      use(state.worker.promised, request.chain, settings.cacheBlocks);
      state.line.push({ request, choice, cached: 0 });
      admit(state, request.atMs);
    });
  events.run();
  waits.sort((a, b) => a - b);
  return {
    ...{ cachedTokens, promptTokens },
    meanMs: waits.reduce((sum, wait) => sum + wait, 0) / waits.length,
    lateMs: waits[Math.floor(waits.length * 0.99)] ?? 0,
  };
}

/** Blocks of the prompt from its beginning that are in the set. */
export function sharedBlocks(cache: ReadonlySet<number>, chain: readonly number[]): number {
  let shared = 0;
  while (shared + 1 < chain.length && cache.has(chain[shared + 1]!)) shared += 1;
  return shared;
}

function use(cache: Set<number>, chain: readonly number[], blocksMax: number): void {
  for (let index = chain.length - 1; index >= 1; index--) {
    cache.delete(chain[index]!);
    cache.add(chain[index]!);
  }
  for (const oldest of cache) {
    if (cache.size <= blocksMax) return;
    cache.delete(oldest);
  }
}

function createEvents() {
  const heap: { atMs: number; order: number; run: () => void }[] = [];
  let order = 0;
  const before = (a: number, b: number) =>
    heap[a]!.atMs < heap[b]!.atMs ||
    (heap[a]!.atMs === heap[b]!.atMs && heap[a]!.order < heap[b]!.order);
  const swap = (a: number, b: number) => {
    [heap[a], heap[b]] = [heap[b]!, heap[a]!];
  };
  const pop = () => {
    const top = heap[0];
    const last = heap.pop();
    if (heap.length > 0 && last !== undefined) heap[0] = last;
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < heap.length && before(child, least)) least = child;
      if (least === at) return top;
      swap(at, least);
      at = least;
    }
  };
  return {
    at(atMs: number, run: () => void) {
      heap.push({ atMs, order: order++, run });
      for (let at = heap.length - 1; at > 0 && before(at, (at - 1) >> 1); at = (at - 1) >> 1)
        swap(at, (at - 1) >> 1);
    },
    run() {
      for (let event = pop(); event !== undefined; event = pop()) event.run();
    },
  };
}

export interface Workload {
  requests: number;
  /** Mean arrivals a second, at random times. */
  perSecond: number;
  gateways: number;
  /** Prefixes that many requests begin with, such as system prompts and documents. */
  prefixes: number;
  prefixBlocks: number;
  /** Turns of one conversation at most; each adds a question and the answer before it. */
  turns: number;
  questionBlocks: number;
  replyBlocks: number;
  /** Conversations that are under way at once. */
  conversations: number;
  /** Whether every prefix has its own scope, as tenants have, or all share one. */
  scopes: "own" | "one";
  /** How much oftener the first prefix is used than the last; 1 = all alike. */
  skew: number;
}

export function createRequests(workload: Workload, random: Random): SimRequest[] {
  let nextBlock = 1;
  const fresh = (count: number) => Array.from({ length: count }, () => nextBlock++);
  const prefixes = Array.from({ length: workload.prefixes }, () => fresh(workload.prefixBlocks));
  const begin = () => {
    const which = Math.min(
      workload.prefixes - 1,
      Math.floor(workload.prefixes * random() ** workload.skew),
    );
    const scope = workload.scopes === "one" ? -1 : -1 - which;
    return {
      chain: [scope, ...(prefixes[which] ?? [])],
      left: 1 + Math.floor(random() * workload.turns),
    };
  };
  const open = Array.from({ length: workload.conversations }, begin);
  let atMs = 0;
  return Array.from({ length: workload.requests }, () => {
    atMs += (-Math.log(1 - random()) / workload.perSecond) * 1_000;
    const which = Math.floor(random() * open.length);
    const conversation = open[which]!;
    const chain = [...conversation.chain, ...fresh(workload.questionBlocks)];
    const replyBlocks = fresh(workload.replyBlocks);
    conversation.chain = [...chain, ...replyBlocks];
    conversation.left -= 1;
    if (conversation.left <= 0) open[which] = begin();
    const gateway = Math.floor(random() * workload.gateways);
    return { atMs, gateway, chain, replyBlocks, replyTokens: workload.replyBlocks * blockTokens };
  });
}

/** Blocks that are used again at any time: what would have to be cached to compute nothing twice. */
export function workingSet(requests: readonly SimRequest[]): number {
  const uses = new Map<number, number>();
  for (const { chain } of requests)
    for (const block of chain.slice(1)) uses.set(block, (uses.get(block) ?? 0) + 1);
  return [...uses.values()].filter(count => count > 1).length;
}
