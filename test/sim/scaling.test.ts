/** Scaling in virtual time, against the rule that a HorizontalPodAutoscaler goes by. */
import { expect, test, vi } from "vitest";
import { ModelSpec, type ModelSpecInput } from "../../engine/contract/model.ts";
import { planScale, type Wanted } from "../../engine/inference/scaling/plan.ts";
import { createSeededRandom } from "../../engine/kit/random.ts";
import {
  createArrivals,
  type ScaleResult,
  type ScaleRule,
  type ScaleWorld,
  simulateScaling,
} from "./scaling-world.ts";

/** A busy machine is slow; nothing here depends on its time. */
vi.setConfig({ testTimeout: 60_000 });

const minute = 60_000;
const hour = 60 * minute;
const world: ScaleWorld = {
  ...{ slots: 8, coldMs: 30_000, answerMs: 8_000, firstTokenMs: 500 },
  ...{ objectiveMs: 2_000, tickMs: 5_000 },
};
const seeds = [1, 2, 3, 4, 5];

function specOf(more: Partial<ModelSpecInput> = {}): ModelSpec {
  return ModelSpec.parse({
    ...{ name: "one", source: "bundled:echo-tiny", slots: world.slots },
    replicas: { min: 0, max: 20 },
    scaling: { queueSeconds: 1 },
    ...more,
  });
}

/** What this project does. */
function ours(spec: ModelSpec): ScaleRule {
  let history: readonly Wanted[] = [];
  return ({ current, ready, signals, nowMs }) => {
    const plan = planScale({ spec, current, ready, signals, nowMs, history });
    history = plan?.history ?? [];
    return plan?.replicas ?? current;
  };
}

/** As Kubernetes documents it: by the use of what is ready, 70 % wanted, 10 % tolerated, fewer only after five minutes; never none. */
function byUse(): ScaleRule {
  const stabilizationMs = 5 * minute;
  const target = 0.7;
  let wishes: Wanted[] = [];
  let lookedMs = -Infinity;
  return ({ current, ready, use, nowMs }) => {
    if (current === 0) return 1;
    if (nowMs - lookedMs < 15_000) return current;
    lookedMs = nowMs;
    const ratio = use / target;
    const wish = Math.abs(ratio - 1) <= 0.1 ? current : Math.ceil(Math.max(1, ready) * ratio);
    const wanted = Math.min(20, Math.max(1, wish, ready === current ? 0 : current));
    wishes = [
      ...wishes.filter(one => one.atMs > nowMs - stabilizationMs),
      { atMs: nowMs, replicas: wanted },
    ];
    const most = Math.max(...wishes.map(one => one.replicas));
    return wanted >= current
      ? Math.min(wanted, Math.max(current * 2, current + 4))
      : Math.min(current, most);
  };
}

interface Case {
  title: string;
  rate: (atMs: number) => number;
  endMs: number;
  /** Within which no request comes any more, at the end. */
  quietMs: number;
  downSeconds: number;
  changesMax: number;
  reversalsMax: number;
}

const toAndFro = (atMs: number) => (Math.floor(atMs / minute) % 2 === 0 ? 1 : 4);

const cases: Case[] = [
  {
    title: "steady, 3 a second",
    rate: () => 3,
    ...{ endMs: hour, quietMs: 10 * minute, downSeconds: 60, changesMax: 18, reversalsMax: 4 },
  },
  {
    title: "bursts of 12 a second, a minute of twenty",
    rate: atMs => (atMs % (20 * minute) < minute ? 12 : 0.2),
    ...{ endMs: 2 * hour, quietMs: 10 * minute, downSeconds: 60, changesMax: 48, reversalsMax: 10 },
  },
  {
    title: "day and night, 0 to 4 a second",
    rate: atMs => Math.max(0, 4 * Math.sin((2 * Math.PI * atMs) / (4 * hour))),
    ...{ endMs: 8 * hour, quietMs: 10 * minute, downSeconds: 60, changesMax: 40, reversalsMax: 6 },
  },
  {
    // Less for a minute is followed where a minute is enough: once up and once down in two.
    title: "to and fro each minute, 1 and 4 a second, less for 60 s",
    rate: toAndFro,
    ...{ endMs: hour, quietMs: 10 * minute, downSeconds: 60, changesMax: 60, reversalsMax: 30 },
  },
  {
    title: "to and fro each minute, 1 and 4 a second, less for 120 s",
    rate: toAndFro,
    ...{ endMs: hour, quietMs: 10 * minute, downSeconds: 120, changesMax: 16, reversalsMax: 2 },
  },
];

function print(title: string, rows: readonly [string, readonly ScaleResult[]][]): void {
  const mean = (results: readonly ScaleResult[], of: (result: ScaleResult) => number) =>
    results.reduce((sum, result) => sum + of(result), 0) / results.length;
  const lines = rows.map(([name, results]) =>
    [
      name.padEnd(8),
      mean(results, one => one.answered)
        .toFixed(0)
        .padStart(8),
      mean(results, one => one.lost)
        .toFixed(0)
        .padStart(5),
      mean(results, one => one.changes)
        .toFixed(1)
        .padStart(8),
      mean(results, one => one.reversals)
        .toFixed(1)
        .padStart(10),
      `${(100 * mean(results, one => one.overObjective)).toFixed(1)} %`.padStart(12),
      mean(results, one => one.lateMs)
        .toFixed(0)
        .padStart(9),
      mean(results, one => one.replicaHours)
        .toFixed(1)
        .padStart(7),
      mean(results, one => one.most)
        .toFixed(1)
        .padStart(6),
      mean(results, one => one.last)
        .toFixed(1)
        .padStart(5),
    ].join(" "),
  );
  const head =
    "         answered  lost  changes  reversals  minutes late  p95 wait  rep. h   most   end";
  process.stdout.write(`${title}\n${head}\n${lines.join("\n")}\n`);
}

test.each(cases)("$title: none lost, no flapping, nothing left running", one => {
  const spec = specOf({ scaling: { queueSeconds: 1, downSeconds: one.downSeconds } });
  const runs = seeds.map(seed => {
    const arrivals = createArrivals(one.rate, {
      ...{ endMs: one.endMs - one.quietMs, answerMs: world.answerMs },
      random: createSeededRandom(seed),
    });
    return {
      seed,
      own: simulateScaling(arrivals, one.endMs, world, ours(spec)),
      use: simulateScaling(arrivals, one.endMs, world, byUse()),
    };
  });
  print(one.title, [
    ["ours", runs.map(run => run.own)],
    ["by use", runs.map(run => run.use)],
  ]);
  for (const { seed, own } of runs) {
    const about = `seed ${seed}`;
    expect(own.lost, about).toBe(0);
    expect(own.last, about).toBe(0);
    expect(own.changes, about).toBeLessThanOrEqual(one.changesMax);
    expect(own.reversals, about).toBeLessThanOrEqual(one.reversalsMax);
  }
});

test("windows have their replicas from their first look to their last, whatever comes", () => {
  const spec = specOf({
    scaling: {
      queueSeconds: 1,
      windows: [{ days: ["thu"], from: "02:00", to: "03:00", min: 3 }],
    },
  });
  // 1970-01-01 was a Thursday.
  const arrivals = createArrivals(() => 0.05, {
    ...{ endMs: 4 * hour, answerMs: world.answerMs, random: createSeededRandom(1) },
  });
  const { trace, lost, last } = simulateScaling(arrivals, 5 * hour, world, ours(spec));
  const inside = trace.filter(({ atMs }) => atMs >= 2 * hour && atMs < 3 * hour);
  expect(Math.min(...inside.map(one => one.replicas))).toBeGreaterThanOrEqual(3);
  const settled = inside.filter(({ atMs }) => atMs >= 2 * hour + world.coldMs + world.tickMs);
  expect(Math.min(...settled.map(one => one.ready))).toBeGreaterThanOrEqual(3);
  const before = trace.filter(({ atMs }) => atMs < 2 * hour);
  expect(Math.max(...before.map(one => one.replicas))).toBeLessThanOrEqual(2);
  expect({ lost, last }).toEqual({ lost: 0, last: 0 });
});
