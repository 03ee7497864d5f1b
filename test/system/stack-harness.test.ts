/** The harness runs whole programs: graph, preview with unknowns, update, second run, and look-ups from its table. */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { toSecret, unknown } from "../../stacks/embedded/values.ts";
import { createStackHarness } from "../support/stack-harness.ts";

const projectRoot = fileURLToPath(new URL("../fixtures/lifecycles", import.meta.url));

function things(...list: object[]): Record<string, string> {
  return { "lifecycles:things": JSON.stringify(list), "lifecycles:password": "hidden" };
}

test("a program runs whole: preview, up, no change, update, replacement, down", async () => {
  using harness = createStackHarness({
    projectRoot,
    stack: "test",
    config: things(
      { name: "a", text: "one" },
      { name: "b", from: "a" },
      { name: "c", sealed: true },
    ),
    secretKeys: ["lifecycles:password"],
    outputs: (_type, name, { place }) => ({ path: `${name} ${String(place)}` }),
    replacedBy: () => ["place"],
  });

  const preview = await harness.run("preview");
  expect(preview.succeeded, preview.output).toBe(true);
  expect(preview.calls).toEqual([]);
  expect(preview.outputs).toMatchObject({ paths: [unknown, unknown, unknown] });
  expect(preview.output).toContain("(known after up)");

  const up = await harness.run("up");
  expect(up.succeeded, up.output).toBe(true);
  const made = up.calls.map(({ operation, name, inputs }) => [operation, name, inputs.text]);
  expect(made.sort()).toEqual([
    ["create", "a", "one"],
    ["create", "b", "see a here"],
    ["create", "c", toSecret("hidden")],
  ]);
  expect(up.outputs).toEqual({
    paths: ["a here", "b here", "c here"],
    password: toSecret("hidden"),
  });
  expect(up.output).not.toContain("hidden");
  expect(up.resources.find(({ urn }) => urn.endsWith("::b"))?.dependencies).toEqual([
    "urn:pulumi:test::lifecycles::files:index:Thing::a",
  ]);

  const again = await harness.run("up");
  expect(again.calls).toEqual([]);
  expect(again.counts).toMatchObject({ create: 0, update: 0, delete: 0, same: 4 });

  const config = things({ name: "a", text: "one", place: "there" }, { name: "b", from: "a" });
  const changed = await harness.run("up", { config });
  const steps = changed.calls.map(({ operation, name }) => `${operation} ${name}`);
  expect(steps.slice(0, 2)).toEqual(["create a", "update b"]);
  expect(steps.slice(2).sort()).toEqual(["delete a", "delete c"]);

  const down = await harness.run("down");
  expect(down.resources).toEqual([]);
}, 60_000);

test("look-ups are answered from the test's table, and refused by name without one", async () => {
  const common = { projectRoot, stack: "test", config: things({ name: "look-up", text: "moon" }) };
  using answered = createStackHarness({
    ...common,
    lookups: { "files:index:look": ({ key }) => ({ text: `found ${String(key)}` }) },
  });
  const up = await answered.run("up");
  expect(up.calls.map(({ inputs }) => inputs.text)).toEqual(["found moon"]);

  using refused = createStackHarness(common);
  const { succeeded, output } = await refused.run("up");
  expect(succeeded).toBe(false);
  expect(output).toContain("the embedded deployment engine has no look-ups (files:index:look)");
}, 60_000);
