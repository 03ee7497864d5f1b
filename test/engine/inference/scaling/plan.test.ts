/** How many replicas: signals, windows, rest and patience. */
import { expect, test } from "vitest";
import { ModelSpec, type ModelSpecInput } from "../../../../engine/contract/model.ts";
import {
  planScale,
  type ScaleQuestion,
  type ScaleSignals,
  type Wanted,
} from "../../../../engine/inference/scaling/plan.ts";
import { replicasOfWindows } from "../../../../engine/inference/scaling/windows.ts";

const quiet: ScaleSignals = {
  ...{ held: 0, running: 0, queueSeconds: 0, tokensWaiting: 0 },
  ...{ firstTokenSeconds: undefined, lastUsedMs: 0 },
};

function specOf(more: Partial<ModelSpecInput>): ModelSpec {
  return ModelSpec.parse({
    ...{ name: "one", source: "bundled:echo-tiny", replicas: { min: 0, max: 8 } },
    ...more,
  });
}

function plan(more: Partial<ModelSpecInput>, question: Partial<ScaleQuestion>) {
  return planScale({
    ...{ spec: specOf(more), current: 1, ready: 1, signals: quiet, nowMs: 0, history: [] },
    ...question,
  });
}

test("nobody scales a model whose min is its max", () => {
  expect(plan({ replicas: { min: 2, max: 2 } }, {})).toBeUndefined();
});

test("a request that waits wakes a model, and an idle one rests", () => {
  expect(plan({}, { current: 0 })?.replicas).toBe(0);
  const woken = plan({}, { current: 0, signals: { ...quiet, held: 3 } });
  expect(woken).toMatchObject({ replicas: 1, reason: "3 requests wait" });
  expect(plan({}, { nowMs: 299_000 })?.replicas).toBe(1);
  expect(plan({}, { nowMs: 300_000 })?.replicas).toBe(0);
  expect(plan({ replicas: { min: 1, max: 4 } }, { nowMs: 300_000 })?.replicas).toBe(1);
});

test("latencies ask for more in proportion, never for more than twice as many", () => {
  const scaling = { queueSeconds: 2 };
  const busy = (queueSeconds: number) => ({ ...quiet, running: 14, queueSeconds });
  const at = (queueSeconds: number) =>
    plan({ scaling }, { current: 4, ready: 4, signals: busy(queueSeconds) })?.replicas;
  expect([at(2.1), at(3), at(30)]).toEqual([4, 6, 7]);
  const late = { ...quiet, running: 4, firstTokenSeconds: 6 };
  const first = plan(
    { scaling: { firstTokenSeconds: 4 } },
    { current: 2, ready: 2, signals: late },
  );
  expect(first).toMatchObject({
    replicas: 3,
    reason: "the first token takes 6.0 s, 4 s may be",
  });
});

test("tokens that are waited for ask for a replica each so many, up to max", () => {
  const signals = { ...quiet, running: 1, tokensWaiting: 50_000 };
  expect(plan({ scaling: { tokensWaiting: 10_000 } }, { signals })?.replicas).toBe(5);
  expect(plan({ scaling: { tokensWaiting: 1_000 } }, { signals })?.replicas).toBe(8);
});

test("less must do for a while before a replica goes", () => {
  const scaling = { queueSeconds: 2, downSeconds: 60 };
  let history: readonly Wanted[] = [{ atMs: 0, replicas: 4 }];
  let current = 4;
  const seen: [number, number][] = [];
  for (let nowMs = 5_000; nowMs <= 120_000; nowMs += 5_000) {
    const signals = { ...quiet, running: 1, lastUsedMs: nowMs };
    const next = plan({ scaling }, { current, ready: current, signals, nowMs, history });
    history = next?.history ?? [];
    if (next?.replicas !== current) seen.push([nowMs / 1_000, next?.replicas ?? 0]);
    current = next?.replicas ?? 0;
    expect(history.length).toBeLessThanOrEqual(8);
  }
  expect(seen[0]).toEqual([60, 2]);
  expect(current).toBeLessThan(4);
});

test("with another scaler only zero is this one's business", () => {
  const scaling = { by: "hpa" as const, queueSeconds: 1 };
  const signals = { ...quiet, running: 8, queueSeconds: 60 };
  expect(plan({ scaling }, { current: 3, signals })?.replicas).toBe(3);
  expect(plan({ scaling }, { current: 3, nowMs: 900_000 })?.replicas).toBe(0);
  expect(plan({ scaling }, { current: 0, signals: { ...quiet, held: 1 } })?.replicas).toBe(1);
});

const office = {
  days: ["mon" as const, "tue" as const, "wed" as const, "thu" as const, "fri" as const],
  ...{ from: "08:00", to: "18:30", zone: "Europe/Berlin", min: 3 },
};

test("windows hold in their own time zone, over midnight and over summer time", () => {
  const at = (time: string, window = office) => replicasOfWindows([window], Date.parse(time));
  expect(at("2026-01-12T06:59:00Z")).toBe(0);
  expect(at("2026-01-12T07:00:00Z")).toBe(3);
  expect(at("2026-07-13T06:00:00Z")).toBe(3);
  expect(at("2026-07-13T16:30:00Z")).toBe(0);
  expect(at("2026-07-12T09:00:00Z")).toBe(0);
  const night = { ...office, from: "22:00", to: "06:00", zone: "UTC" };
  expect(at("2026-01-16T23:00:00Z", night)).toBe(3);
  expect(at("2026-01-17T05:59:00Z", night)).toBe(3);
  expect(at("2026-01-17T23:00:00Z", night)).toBe(0);
  expect(at("2026-01-12T09:00:00Z", { ...office, zone: "Mars/Olympus" })).toBe(0);
});

test("a window brings replicas up beforehand and keeps them", () => {
  const nowMs = Date.parse("2026-01-12T09:00:00Z");
  const scaling = { windows: [office] };
  expect(plan({ scaling }, { current: 0, ready: 0, nowMs })?.replicas).toBe(3);
  expect(plan({ scaling }, { current: 3, ready: 3, nowMs })?.replicas).toBe(3);
});
