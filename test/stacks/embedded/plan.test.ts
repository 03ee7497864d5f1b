/** What is decided of a resource, without anything being done. */
import { describe, expect, test } from "vitest";
import {
  changedKeys,
  findOld,
  type Goal,
  planDeletions,
  planDependentReplacements,
  planResource,
} from "../../../stacks/embedded/plan.ts";
import type { Diff } from "../../../stacks/embedded/provider.ts";
import type { ResourceState } from "../../../stacks/embedded/resource.ts";
import { toSecret, unknown } from "../../../stacks/embedded/values.ts";

const place = "urn:pulumi:test::project::";
const none: Diff = { changes: "none", replaces: [], deleteBeforeReplace: false };

function goal(name: string, more: Partial<Goal> = {}): Goal {
  return {
    urn: `${place}p:m:T::${name}`,
    type: "p:m:T",
    name,
    custom: true,
    parent: undefined,
    inputs: {},
    provider: undefined,
    dependencies: [],
    propertyDependencies: {},
    protect: false,
    deleteBeforeReplace: undefined,
    additionalSecretOutputs: [],
    retainOnDelete: false,
    ...more,
  };
}

function state(name: string, more: Partial<ResourceState> = {}): ResourceState {
  return {
    urn: `${place}p:m:T::${name}`,
    type: "p:m:T",
    custom: true,
    id: name,
    inputs: {},
    ...more,
  };
}

describe("planResource", () => {
  const old = state("a", { inputs: { size: 1 } });
  const size = (value: number) => ({ size: value });

  test.each([
    ["nothing there", undefined, size(1), none, "create"],
    ["deleted to be replaced", state("a", { pendingReplacement: true }), size(1), none, "create"],
    ["the provider sees no change", old, size(2), none, "same"],
    ["the provider sees a change", old, size(1), { ...none, changes: "some" }, "update"],
    [
      "the provider leaves it open and inputs differ",
      old,
      size(2),
      { ...none, changes: "unknown" },
      "update",
    ],
    [
      "the provider leaves it open and inputs are the same",
      old,
      size(1),
      { ...none, changes: "unknown" },
      "same",
    ],
    ["it came up only half", state("a", { initErrors: ["x"] }), {}, none, "update"],
  ] as const)("%s", (_case, before, inputs, diff, op) => {
    const plan = planResource(goal("a"), before, inputs, { ...diff, replaces: [] }, false);
    expect(plan.op).toBe(op);
  });

  test("an operation that was cut off is repeated", () => {
    expect(planResource(goal("a"), old, size(1), none, true)).toEqual({ op: "update" });
  });

  test("the program's order of replacement wins over the provider's", () => {
    const diff: Diff = { changes: "some", replaces: ["size"], deleteBeforeReplace: true };
    const plan = (wanted: boolean | undefined) =>
      planResource(goal("a", { deleteBeforeReplace: wanted }), old, size(2), diff, false);
    expect(plan(undefined)).toEqual({ op: "replace", deleteBefore: true });
    expect(plan(false)).toEqual({ op: "replace", deleteBefore: false });
  });

  test("another provider replaces; default providers of one package do not", () => {
    const provider = (name: string) => `${place}pulumi:providers:p::${name}::id`;
    const plan = (before: string, now: string) =>
      planResource(
        goal("a", { provider: provider(now) }),
        state("a", { provider: provider(before) }),
        {},
        none,
        false,
      );
    expect(plan("mine", "yours").op).toBe("replace");
    expect(plan("default_1_0_0", "default_2_0_0").op).toBe("same");
  });
});

test("a secret that hides the same value is no change", () => {
  expect(changedKeys({ a: toSecret("x"), b: 1 }, { a: "x", b: 2, c: null })).toEqual(["b", "c"]);
});

test("the old resource is found by its URN, and never one that was replaced", () => {
  const olds = [state("a", { delete: true }), state("b"), state("a", { id: "2" })];
  expect(findOld(olds, goal("a"))).toBe(olds[2]);
  expect(findOld(olds, goal("c"))).toBeUndefined();
});

test("dependents are deleted before what they refer to, by whatever they refer", () => {
  const a = state("a");
  const b = state("b", { dependencies: [a.urn] });
  const c = state("c", { propertyDependencies: { x: [b.urn] } });
  const d = state("d", { parent: a.urn });
  const first = planDeletions([a, b, c, d]);
  expect(first.get(a)).toEqual([b, d]);
  expect(first.get(b)).toEqual([c]);
  expect(first.get(c)).toEqual([]);
});

test("deleting first takes along only those whose inputs come from it and that must be replaced", async () => {
  const root = state("root");
  const moved = state("moved", { propertyDependencies: { x: [root.urn] }, inputs: { x: 1, y: 2 } });
  const updated = state("updated", { propertyDependencies: { z: [root.urn] }, inputs: { z: 1 } });
  const after = state("after", { dependencies: [root.urn] });
  const further = state("further", { propertyDependencies: { x: [moved.urn] } });
  const asked: object[] = [];
  const dependents = await planDependentReplacements(
    root,
    [root, moved, updated, after, further],
    async (_resource, inputs) => {
      asked.push(inputs);
      return inputs.x === unknown;
    },
  );
  expect(dependents).toEqual([further, moved]);
  expect(asked).toContainEqual({ x: unknown, y: 2 });
});
