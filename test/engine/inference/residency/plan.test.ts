/** Decisions about served models, case by case. */
import { expect, test } from "vitest";
import { EngineError } from "../../../../engine/contract/errors.ts";
import { limits } from "../../../../engine/contract/limits.ts";
import type { ModelOwner, ModelState } from "../../../../engine/contract/model.ts";
import {
  type Change,
  planApply,
  planRestore,
  toRecord,
} from "../../../../engine/inference/residency/plan.ts";
import { toSpec } from "../../../support/served-model-bench.ts";

const known = (
  spec: Parameters<typeof toSpec>[0],
  owner: ModelOwner = "stack",
  state: ModelState = "ready",
) => ({ spec: toSpec(spec), owner, state });

const cases: [why: string, change: Change, run: () => Change][] = [
  ["a new model is loaded", "load", () => planApply([], toSpec({ name: "a" }), "client")],
  [
    "the same is there",
    "nothing",
    () => planApply([known({ name: "a" })], toSpec({ name: "a" }), "stack"),
  ],
  [
    "a client asks for what the stack has",
    "nothing",
    () => planApply([known({ name: "a" })], toSpec({ name: "a" }), "client"),
  ],
  [
    "the stack takes over what a client has",
    "relabel",
    () => planApply([known({ name: "a" }, "client")], toSpec({ name: "a" }), "stack"),
  ],
  [
    "the same is on its way",
    "join",
    () => planApply([known({ name: "a" }, "stack", "loading")], toSpec({ name: "a" }), "stack"),
  ],
  [
    "what failed is tried again",
    "load",
    () => planApply([known({ name: "a" }, "stack", "failed")], toSpec({ name: "a" }), "stack"),
  ],
  [
    "what is on disk is loaded",
    "load",
    () => planApply([known({ name: "a" }, "client", "unloaded")], toSpec({ name: "a" }), "client"),
  ],
  [
    "another source is loaded",
    "load",
    () => planApply([known({ name: "a" })], toSpec({ name: "a", context: 512 }), "stack"),
  ],
  [
    "labels need no load",
    "relabel",
    () =>
      planApply(
        [known({ name: "a" })],
        toSpec({ name: "a", aliases: ["b"], required: false }),
        "stack",
      ),
  ],
];

test.each(cases)("%s: %s", (_, change, run) => {
  expect(run()).toBe(change);
});

test("an engine takes so many models and no more", () => {
  const full = Array.from({ length: limits.modelsMax }, (_, index) => known({ name: `m${index}` }));
  expect(() => planApply(full, toSpec({ name: "a" }), "stack")).toThrow(/takes no more/);
  expect(planApply(full, toSpec({ name: "m1" }), "stack")).toBe("nothing");
});

test("names are one space for all models, without regard to :latest and case", () => {
  const others = [known({ name: "a", aliases: ["Llama3:latest"] })];
  expect(() => planApply(others, toSpec({ name: "b", aliases: ["llama3"] }), "stack")).toThrow(
    EngineError,
  );
  expect(() => planApply(others, toSpec({ name: "b", aliases: ["a:latest"] }), "stack")).toThrow(
    /"a" belongs to the model "a"/,
  );
});

test("the configuration comes first, then what was recorded and does not contradict it", () => {
  const { restored, dropped } = planRestore(
    [toSpec({ name: "extra", required: false }), toSpec({ name: "base" })],
    [
      { spec: toSpec({ name: "base", slots: 9 }), owner: "stack" },
      { spec: toSpec({ name: "other", aliases: ["extra"] }), owner: "client" },
      { spec: toSpec({ name: "mine" }), owner: "client" },
      { spec: toSpec({ name: "ours" }), owner: "stack" },
    ],
  );
  expect(restored.map(({ spec, load, gate }) => ({ name: spec.name, load, gate }))).toEqual([
    { name: "base", load: true, gate: true },
    { name: "ours", load: true, gate: true },
    { name: "extra", load: true, gate: false },
    { name: "mine", load: false, gate: false },
  ]);
  expect(dropped.map(({ name }) => name)).toEqual(["base", "other"]);
});

test("what the configuration says already is not recorded", () => {
  const configured = [toSpec({ name: "base" })];
  expect(
    toRecord([known({ name: "base" }), known({ name: "b" }), known({ name: "a" })], configured),
  ).toEqual([
    { spec: toSpec({ name: "a" }), owner: "stack" },
    { spec: toSpec({ name: "b" }), owner: "stack" },
  ]);
});
