/** A spec from words, flags and a file: the later stronger, every wrong field named. */
import { expect, test } from "vitest";
import { parseReplicas, readSpec } from "../../../engine/cli/model-options.ts";

test("words and flags make a spec", () => {
  const options = {
    tokens: "1024",
    replicas: "0..3",
    alias: ["gpt"],
    set: ["sampling.temperature=0"],
  };
  expect(readSpec(["assistant", "bundled:echo-tiny"], options, undefined)).toMatchObject({
    name: "assistant",
    source: "bundled:echo-tiny",
    context: 1024,
    replicas: { min: 0, max: 3 },
    aliases: ["gpt"],
    sampling: { temperature: 0 },
  });
});

test("a file may be a spec or a resource, and words are stronger", () => {
  const resource =
    "kind: Model\nmetadata: {name: one}\nspec: {source: 'bundled:echo-tiny', slots: 2}\n";
  expect(readSpec([], {}, resource)).toMatchObject({ name: "one", slots: 2 });
  expect(readSpec(["two"], { slots: "8" }, resource)).toMatchObject({ name: "two", slots: 8 });
});

test.each([
  [["x"], {}, /source/],
  [["X", "bundled:echo-tiny"], {}, /DNS label/],
  [["x", "bundled:echo-tiny"], { slots: "many" }, /slots/],
  [["x", "bundled:echo-tiny"], { set: ["nonsense"] }, /PATH=VALUE/],
  [["x", "bundled:echo-tiny"], { set: ["sampling.heat=1"] }, /heat/],
  [["x", "bundled:echo-tiny"], { set: ["__proto__.x=1"] }, /PATH=VALUE/],
] as const)("%j with %j is refused", (words, options, message) => {
  const given = Object.fromEntries(
    Object.entries(options).map(([k, v]) => [k, typeof v === "string" ? v : [...v]]),
  );
  expect(() => readSpec(words, given, undefined)).toThrow(message);
});

test.each([
  ["2", { min: 2, max: 2 }],
  ["0", { min: 0, max: 1 }],
  ["0..4", { min: 0, max: 4 }],
])("%s replicas", (text, range) => {
  expect(parseReplicas(text)).toEqual(range);
});

test.each(["", "-1", "3..1", "many", "1..", "99999"])('"%s" is no number of replicas', text => {
  expect(() => parseReplicas(text)).toThrow(/no number of replicas/);
});
