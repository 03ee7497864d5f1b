/** A model's replicas in virtual time: requests arrive, wait, are answered; new replicas take their time to start; somebody says how many there are. */
import type { ScaleSignals } from "../../engine/inference/scaling/plan.ts";
import type { Random } from "../../engine/kit/random.ts";

export interface ScaleWorld {
  /** Requests that one replica answers at a time. */
  slots: number;
  /** From being wanted until it answers. */
  coldMs: number;
  /** Of one answer, at the mean. */
  answerMs: number;
  /** To the first token, when nobody waits before it. */
  firstTokenMs: number;
  /** A request that waits longer than that for a slot was not answered as it should. */
  objectiveMs: number;
  /** How often the number is looked at. */
  tickMs: number;
}

export interface Looked {
  nowMs: number;
  current: number;
  ready: number;
  signals: ScaleSignals;
  /** Of all slots of ready replicas, how many are busy: what a rule by use goes by. */
  use: number;
}

/** @returns how many there are to be */
export type ScaleRule = (looked: Looked) => number;

export interface ScaleResult {
  answered: number;
  lost: number;
  changes: number;
  /** Changes that undid the one before within five minutes. */
  reversals: number;
  /** Share of the minutes with arrivals in which the 95th percentile waited longer than the objective. */
  overObjective: number;
  lateMs: number;
  replicaHours: number;
  most: number;
  last: number;
  /** At each look. */
  trace: { atMs: number; replicas: number; ready: number }[];
}

interface Replica {
  readyMs: number;
  busy: number;
  isLeaving: boolean;
}

interface Request {
  atMs: number;
  answerMs: number;
}

const windowMs = 60_000;
const reversalMs = 300_000;
const stepMs = 100;

/** Steps of a tenth of a second: coarse beside answers of seconds, and the same for every rule. */
export function simulateScaling(
  arrivals: readonly Request[],
  endMs: number,
  world: ScaleWorld,
  rule: ScaleRule,
): ScaleResult {
  const replicas: Replica[] = [];
  const line: Request[] = [];
  const running: { replica: Replica; untilMs: number }[] = [];
  const waits: { atMs: number; ms: number }[] = [];
  const recent: { atMs: number; ms: number }[] = [];
  const trace: ScaleResult["trace"] = [];
  let next = 0;
  let answered = 0;
  let changes = 0;
  let reversals = 0;
  let replicaMs = 0;
  let lastUsedMs = 0;
  let lastChange = { atMs: -Infinity, by: 0 };

  const staying = () => replicas.filter(one => !one.isLeaving);
  const setReplicas = (wanted: number, nowMs: number) => {
    const there = staying();
    const by = wanted - there.length;
    if (by === 0) return;
    changes += 1;
    if (Math.sign(by) !== Math.sign(lastChange.by) && nowMs - lastChange.atMs < reversalMs)
      reversals += 1;
    lastChange = { atMs: nowMs, by };
    for (let count = 0; count < by; count++)
      replicas.push({ readyMs: nowMs + world.coldMs, busy: 0, isLeaving: false });
    // The youngest go, and end what they have.
    for (const replica of there.slice(by < 0 ? by : there.length)) replica.isLeaving = true;
  };
  const look = (nowMs: number) => {
    while ((recent[0]?.atMs ?? Infinity) < nowMs - windowMs) recent.shift();
    const high = percentile(
      recent.map(one => one.ms),
      0.95,
    );
    const there = staying();
    const ready = there.filter(one => one.readyMs <= nowMs).length;
    const held = ready === 0 ? line.length : 0;
    const busy = running.length + line.length - held;
    setReplicas(
      rule({
        ...{ nowMs, current: there.length, ready },
        use: ready === 0 ? 0 : running.length / (ready * world.slots),
        signals: {
          ...{ held, running: busy, lastUsedMs },
          queueSeconds: (high ?? 0) / 1_000,
          tokensWaiting: 256 * busy,
          firstTokenSeconds: high === undefined ? undefined : (high + world.firstTokenMs) / 1_000,
        },
      }),
      nowMs,
    );
    trace.push({ atMs: nowMs, replicas: staying().length, ready });
  };
  const serve = (nowMs: number) => {
    for (let index = running.length - 1; index >= 0; index--) {
      const job = running[index]!;
      if (job.untilMs > nowMs) continue;
      job.replica.busy -= 1;
      running.splice(index, 1);
      answered += 1;
      lastUsedMs = nowMs;
    }
    for (let index = replicas.length - 1; index >= 0; index--)
      if (replicas[index]!.isLeaving && replicas[index]!.busy === 0) replicas.splice(index, 1);
    const open = replicas.filter(one => !one.isLeaving && one.readyMs <= nowMs);
    for (const replica of open)
      while (replica.busy < world.slots && line.length > 0) {
        const request = line.shift()!;
        replica.busy += 1;
        const wait = { atMs: nowMs, ms: nowMs - request.atMs };
        waits.push({ atMs: request.atMs, ms: wait.ms });
        recent.push(wait);
        running.push({ replica, untilMs: nowMs + request.answerMs });
      }
  };

  for (let nowMs = 0; nowMs <= endMs; nowMs += stepMs) {
    let isWoken = false;
    for (; next < arrivals.length && arrivals[next]!.atMs <= nowMs; next++) {
      line.push(arrivals[next]!);
      lastUsedMs = nowMs;
      // Whoever holds a request for a model without replicas says so at once.
      isWoken ||= staying().length === 0;
    }
    serve(nowMs);
    replicaMs += replicas.length * stepMs;
    if (isWoken || nowMs % world.tickMs === 0) look(nowMs);
  }
  return {
    ...{ answered, changes, reversals, trace },
    lost: arrivals.length - answered,
    overObjective: shareOver(waits, world.objectiveMs),
    lateMs:
      percentile(
        waits.map(one => one.ms),
        0.95,
      ) ?? 0,
    replicaHours: replicaMs / 3_600_000,
    most: Math.max(...trace.map(one => one.replicas)),
    last: trace.at(-1)?.replicas ?? 0,
  };
}

function shareOver(waits: readonly { atMs: number; ms: number }[], objectiveMs: number): number {
  const minutes = new Map<number, number[]>();
  for (const { atMs, ms } of waits) {
    const minute = Math.floor(atMs / 60_000);
    minutes.set(minute, [...(minutes.get(minute) ?? []), ms]);
  }
  const late = [...minutes.values()].filter(all => (percentile(all, 0.95) ?? 0) > objectiveMs);
  return late.length / Math.max(1, minutes.size);
}

function percentile(values: readonly number[], part: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

/** Arrivals at random times, so many a second as `rate` says at each moment, and answers of random length. */
export function createArrivals(
  rate: (atMs: number) => number,
  { endMs, answerMs, random }: { endMs: number; answerMs: number; random: Random },
): Request[] {
  const arrivals: Request[] = [];
  for (let atMs = 0; atMs < endMs; atMs += stepMs) {
    const expected = (rate(atMs) * stepMs) / 1_000;
    // A Poisson number, by the product of uniform ones.
    const least = Math.exp(-expected);
    for (let product = random(); product > least; product *= random())
      arrivals.push({ atMs, answerMs: Math.min(60_000, -Math.log(1 - random()) * answerMs) });
  }
  return arrivals;
}
