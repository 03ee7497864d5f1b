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
/** Below this part of its target a latency allows fewer replicas, as far as the others have room for the requests. */
const calmShare = 0.5;
/** Parts of all slots that are busy: above the first there are to be more replicas, by the second so many, below the third fewer. */
const crowdedShare = 0.9;
const fullShare = 0.7;
const roomyShare = 0.5;

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
  const { signals } = question;
  const wishes: Wish[] = [needed(question)];
  if (scaling.tokensWaiting !== undefined)
    wishes.push({
      replicas: Math.ceil(signals.tokensWaiting / scaling.tokensWaiting),
      reason: `${Math.round(signals.tokensWaiting)} tokens are waited for, ${scaling.tokensWaiting} a replica`,
    });
  const latencies: (Omit<Latency, "measured" | "target"> & {
    measured: number | undefined;
    target: number | undefined;
  })[] = [
    {
      ...{ what: "requests wait", usefulShare: 0.5 },
      ...{ measured: signals.queueSeconds, target: scaling.queueSeconds },
    },
    {
      ...{ what: "the first token takes", usefulShare: 0 },
      ...{ measured: signals.firstTokenSeconds, target: scaling.firstTokenSeconds },
    },
  ];
  for (const { target, measured = 0, ...of } of latencies)
    if (target !== undefined) wishes.push(wishOfLatency({ ...of, measured, target }, question));
  return wishes.reduce((most, wish) => (wish.replicas > most.replicas ? wish : most));
}

/**
 * Whatever the signals say, what runs must have room; without any target it alone decides. What comes at random is now a
 * little more and now a little less: as long as all find room, and one replica less would be full, nothing changes.
 */
function needed({ signals, spec, current }: ScaleQuestion): Wish {
  const busy = signals.running + signals.held;
  const reason = `${busy} requests at a time need no more and no less`;
  const toFill = (share: number) => Math.ceil(busy / Math.max(1, spec.slots * share));
  if (busy > current * spec.slots * crowdedShare) return { replicas: toFill(fullShare), reason };
  return { replicas: Math.min(current, toFill(roomyShare)), reason };
}

interface Latency {
  what: string;
  measured: number;
  target: number;
  /** Part of its slots that a replica must have busy for one more to be of use. */
  usefulShare: number;
}

/**
 * What was measured is the last minute's: replicas that came since have mended it already, so it asks for no more while
 * some are on their way, and for none that would have nothing to do.
 */
function wishOfLatency(
  { what, measured, target, usefulShare }: Latency,
  { current, ready, signals, spec }: ScaleQuestion,
): Wish {
  const reason = `${what} ${measured.toFixed(1)} s, ${target} s may be`;
  const base = Math.max(1, ready);
  if (measured > target * (1 + tolerance)) {
    const useful = Math.ceil(
      (signals.running + signals.held) / Math.max(1, spec.slots * usefulShare),
    );
    const more = Math.ceil(base * Math.min(growthMax, measured / target));
    return {
      replicas: Math.max(base, Math.min(more, useful, ready < current ? current : more)),
      reason,
    };
  }
  // Half of them at a time: how much one replica less costs is not known before it is gone.
  if (measured < target * calmShare) return { replicas: Math.floor(base / 2), reason };
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
