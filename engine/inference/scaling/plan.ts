/** How many replicas a model should have now, and why. Pure: what was wanted before is part of the input. */
import { type ModelSpec, Scaling } from "../../contract/model.ts";
import { replicasOfWindows } from "./windows.ts";

/** What all gateways together say of one model. */
export interface ScaleSignals {
  /** Requests that wait for a replica. */
  held: number;
  /** Requests that are being answered or wait at a replica. */
  running: number;
  /** How long requests wait lately. */
  queueSeconds: number;
  /** Prompt and completion tokens that admitted requests still want. */
  tokensWaiting: number;
  /** 95th percentile of late; undefined when nothing was answered. */
  firstTokenSeconds: number | undefined;
  /** When a request came or ended last (ms since 1970). */
  lastUsedMs: number;
}

export interface ScaleQuestion {
  spec: Pick<ModelSpec, "replicas" | "scaling" | "slots">;
  /** What the workload is set to. */
  current: number;
  /** Of these, how many answer. */
  ready: number;
  signals: ScaleSignals;
  nowMs: number;
  /** What was wanted at earlier times, the oldest first. */
  history: readonly Wanted[];
}

export interface Wanted {
  atMs: number;
  replicas: number;
}

export interface ScalePlan {
  replicas: number;
  /** Ends a sentence that begins with the number. */
  reason: string;
  history: readonly Wanted[];
}

/** A signal this much beyond its target is none. */
const tolerance = 0.1;
/** No step more than doubles. */
const growthMax = 2;
/** Below this part of its target a latency allows one replica less, when the others have room for its requests. */
const calmShare = 0.5;
const fullShare = 0.8;

const defaults = Scaling.parse({});

/** @returns undefined when nobody scales this model */
export function planScale(question: ScaleQuestion): ScalePlan | undefined {
  const { spec, current, nowMs } = question;
  const { min, max } = spec.replicas ?? { min: 1, max: 1 };
  if (min >= max) return undefined;
  const scaling = spec.scaling ?? defaults;
  const floor = Math.min(max, Math.max(min, replicasOfWindows(scaling.windows, nowMs)));
  if (current === 0) return planWake(question, floor, max);
  if (floor === 0 && isIdle(question, scaling)) return unchecked(0, "nobody has used it", nowMs);
  if (scaling.by !== "echorator") {
    const reason = `from one on ${scaling.by} scales`;
    return { replicas: current, reason, history: [] };
  }
  const wish = wishOf(question, scaling);
  const wanted = Math.min(max, Math.max(1, floor, wish.replicas));
  const history = remember(question, { atMs: nowMs, replicas: wanted }, scaling.downSeconds);
  if (wanted >= current) {
    const reason = wanted > wish.replicas ? "that is the least it should have" : wish.reason;
    return { replicas: wanted, reason, history };
  }
  const steady = Math.min(current, Math.max(...history.map(one => one.replicas)));
  const reason = steady > wanted ? `less must do for ${scaling.downSeconds} s first` : wish.reason;
  return { replicas: steady, reason, history };
}

function planWake({ signals, nowMs }: ScaleQuestion, floor: number, max: number): ScalePlan {
  if (signals.held > 0)
    return unchecked(Math.min(max, Math.max(1, floor)), `${signals.held} requests wait`, nowMs);
  if (floor > 0) return unchecked(floor, "that is the least it should have now", nowMs);
  return unchecked(0, "nobody asks for it", nowMs);
}

function unchecked(replicas: number, reason: string, atMs: number): ScalePlan {
  return { replicas, reason, history: [{ atMs, replicas }] };
}

function isIdle({ signals, nowMs }: ScaleQuestion, scaling: Scaling): boolean {
  if (signals.held > 0 || signals.running > 0) return false;
  return nowMs - signals.lastUsedMs >= scaling.idleSeconds * 1_000;
}

interface Wish {
  replicas: number;
  reason: string;
}

/** The most that any signal wants. */
function wishOf(question: ScaleQuestion, scaling: Scaling): Wish {
  const { signals, ready, spec } = question;
  const wishes: Wish[] = [needed(question)];
  if (scaling.tokensWaiting !== undefined)
    wishes.push({
      replicas: Math.ceil(signals.tokensWaiting / scaling.tokensWaiting),
      reason: `${Math.round(signals.tokensWaiting)} tokens are waited for, ${scaling.tokensWaiting} a replica`,
    });
  const latencies: [string, number | undefined, number | undefined][] = [
    ["requests wait", signals.queueSeconds, scaling.queueSeconds],
    ["the first token takes", signals.firstTokenSeconds, scaling.firstTokenSeconds],
  ];
  for (const [what, measured, target] of latencies)
    if (target !== undefined)
      wishes.push(wishOfLatency({ what, measured: measured ?? 0, target, ready, signals, spec }));
  return wishes.reduce((most, wish) => (wish.replicas > most.replicas ? wish : most));
}

/** Whatever the signals say, what runs must have room; without any target it alone decides. */
function needed({ signals, spec }: ScaleQuestion): Wish {
  const busy = signals.running + signals.held;
  const replicas = Math.ceil(busy / Math.max(1, spec.slots * fullShare));
  return { replicas, reason: `${busy} requests at a time need no more and no less` };
}

function wishOfLatency({
  what,
  measured,
  target,
  ready,
  signals,
  spec,
}: {
  what: string;
  measured: number;
  target: number;
  ready: number;
  signals: ScaleSignals;
  spec: { slots: number };
}): Wish {
  const reason = `${what} ${measured.toFixed(1)} s, ${target} s may be`;
  const base = Math.max(1, ready);
  if (measured > target * (1 + tolerance))
    return { replicas: Math.ceil(base * Math.min(growthMax, measured / target)), reason };
  const roomWithout = (base - 1) * spec.slots * fullShare;
  if (measured < target * calmShare && signals.running <= roomWithout)
    return { replicas: base - 1, reason };
  return { replicas: base, reason };
}

/** What was wanted within the time that less must do, and now. */
function remember(
  { history, nowMs }: ScaleQuestion,
  wanted: Wanted,
  downSeconds: number,
): readonly Wanted[] {
  const since = nowMs - downSeconds * 1_000;
  // Of an earlier wish that was no larger nothing will ever be asked.
  return [...history.filter(one => one.atMs > since && one.replicas > wanted.replicas), wanted];
}
