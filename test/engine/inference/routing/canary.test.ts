/** A canary gets its share, always of the same conversations, and is taken back when it does worse. */
import { afterEach, expect, test } from "vitest";
import { EngineError } from "../../../../engine/contract/errors.ts";
import { CanarySpec } from "../../../../engine/contract/model.ts";
import { judgeCanary, trackOf } from "../../../../engine/inference/routing/canary.ts";
import { ask, createRoutingBench, type RoutingBench, say } from "../../../support/routing.ts";

const spec = CanarySpec.parse({ source: "bundled:echo-tiny", weight: 20 });
const counts = (requests: number, errors: number, ms = 100) => ({
  ...{ requests, errors },
  firstTokenMs: new Array<number>(requests - errors).fill(ms),
});
let bench: RoutingBench | undefined;

afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

test("the weight is the share of conversations, and each stays where it is", () => {
  const scopes = Array.from({ length: 2_000 }, (_, index) => `scope ${index}`);
  const tried = scopes.filter(scope => trackOf(scope, 20) === "canary");
  expect(tried.length / scopes.length).toBeCloseTo(0.2, 1);
  expect(tried.every(scope => trackOf(scope, 50) === "canary")).toBe(true);
  expect(scopes.filter(scope => trackOf(scope, 0) === "canary")).toEqual([]);
  expect(scopes.filter(scope => trackOf(scope, 100) === "stable")).toEqual([]);
});

test.each([
  ["too few requests to say", counts(100, 0), counts(19, 19), true],
  ["as good as the stable one", counts(100, 0), counts(50, 0), true],
  ["failing more than it may", counts(100, 0), counts(50, 2), false],
  ["failing no more than the stable one", counts(100, 50), counts(50, 10), true],
  ["slower than it may be", counts(100, 0), counts(50, 0, 201), false],
  ["within its latency", counts(100, 0), counts(50, 0, 200), true],
])("a canary %s: kept %s", (_, stable, canary, keep) => {
  expect(judgeCanary(spec, stable, canary).keep).toBe(keep);
});

test("one that fails is taken back without a client noticing, and tells why", async () => {
  const told: string[][] = [];
  const world = createRoutingBench({
    onTakenBack: (...words) => void told.push(words),
    scripted: id =>
      id === "c1"
        ? {
            script() {
              throw new EngineError("internal", "These weights are broken.");
            },
          }
        : {},
  });
  bench = world;
  const model = { name: "assistant", source: "bundled:echo-tiny" };
  world.catalog.set(
    { ...model, canary: { source: "bundled:other", weight: 50, minRequests: 12 } },
    [{ id: "s1" }, { id: "c1", track: "canary" }],
  );
  for (let index = 0; index < 60; index++) {
    const reply = await ask(world.models, "assistant", say("hello", `scope ${index}`));
    expect(reply.text).toBe("You said: hello");
  }
  const tried = world.sent.filter(one => one.worker === "c1").length;
  expect(tried).toBe(12);
  expect(told.map(([name]) => name)).toEqual(["assistant"]);
  expect(told[0]?.[2]).toContain("100.0 % of its 12 requests failed");
  expect(world.metrics()).toContain('echorator_canary_taken_back{model="assistant"} 1');
});

test("one whose worker ends in order is not taken back for it", async () => {
  const told: string[][] = [];
  const world = createRoutingBench({
    onTakenBack: (...words) => void told.push(words),
    scripted: id => {
      const script = () => {
        throw new EngineError("stopping", "The engine is about to stop.");
      };
      return id === "c1" ? { script } : {};
    },
  });
  bench = world;
  const model = { name: "assistant", source: "bundled:echo-tiny" };
  world.catalog.set(
    { ...model, canary: { source: "bundled:other", weight: 100, minRequests: 1 } },
    [{ id: "s1" }, { id: "c1", track: "canary" }],
  );
  const reply = await ask(world.models, "assistant", say("hello", "scope"));
  expect(reply.text).toBe("You said: hello");
  expect(world.sent.map(one => one.worker)).toEqual(["c1", "s1"]);
  expect(told).toEqual([]);
});
