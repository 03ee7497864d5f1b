/** What a user reads: changes without secrets, lines in a file, a tree on a terminal, a summary that tells the truth. */
import { expect, test } from "vitest";
import { createShow, describeChanges, renderOutputs } from "../../../stacks/embedded/show.ts";
import { toSecret, unknown } from "../../../stacks/embedded/values.ts";

const stack = "urn:pulumi:test::project::pulumi:pulumi:Stack::project-test";
const thing = "urn:pulumi:test::project::p:m:Thing::a";

function createReader(columns: number | undefined) {
  let written = "";
  let now = 0;
  const write = (text: string): void => {
    written += text;
  };
  const clock = (): number => {
    now += 500;
    return now;
  };
  const show = createShow({
    terminal: { write, columns, rows: 24 },
    isPreview: false,
    clock,
    parentOf: urn => (urn === thing ? stack : undefined),
  });
  return { show, written: () => written };
}

test("changes name what was and what will be, and neither when it is secret", () => {
  const olds = { slots: 4, key: toSecret("old-key"), gone: 1 };
  const news = { slots: 8, key: toSecret("new-key"), url: unknown };
  expect(describeChanges(olds, news)).toEqual([
    "slots: 4 → 8",
    "key: [secret] → [secret]",
    "gone: 1 → nothing",
    "url: nothing → (known after up)",
  ]);
});

test("of objects only the fields that change are named, and a secret object stays closed", () => {
  const spec = { name: "a", slots: 4, sampling: { topK: 1 }, tags: ["x"], replicas: {} };
  const changed = { ...spec, slots: 8, sampling: { topK: 2, topP: 1 }, tags: ["x", "y"] };
  expect(describeChanges({ spec }, { spec: changed })).toEqual([
    "spec.slots: 4 → 8",
    "spec.sampling.topK: 1 → 2",
    "spec.sampling.topP: nothing → 1",
    'spec.tags: ["x"] → ["x","y"]',
  ]);
  expect(describeChanges({ spec: toSecret(spec) }, { spec: toSecret(changed) })).toEqual([
    "spec: [secret] → [secret]",
  ]);
});

test("outputs read like a stack file", () => {
  const models = { a: { source: "bundled:x", state: unknown } };
  expect(
    renderOutputs({ try: 'curl -d "{}"', models, key: toSecret("k"), list: ["x", { y: 1 }] }),
  ).toEqual([
    "",
    "Outputs:",
    '  try: curl -d "{}"',
    "  models:",
    "    a:",
    "      source: bundled:x",
    "      state: (known after up)",
    "  key: [secret]",
    "  list:",
    "    - x",
    "    - y: 1",
  ]);
});

test("elsewhere than on a terminal every step is a line", () => {
  const { show, written } = createReader(undefined);
  show.same(stack);
  show.begin(thing, "update", ["slots: 4 → 8"])("done");
  show.log("warning", "mind this", thing);
  show.log("debug", "never shown");
  show.close({ hasFailed: false, outputs: {} });
  expect(written().split("\n")).toEqual([
    " ~  p:m:Thing a  updating",
    " ~  p:m:Thing a  updated (0.5s)",
    "      slots: 4 → 8",
    "warning: p:m:Thing a: mind this",
    "",
    "Resources: 1 updated, 1 unchanged (1.5 s)",
    "",
  ]);
});

test("a failure is said at the end, and never called no changes", () => {
  const { show, written } = createReader(undefined);
  show.begin(thing, "create", [])("failed");
  show.close({ hasFailed: true, outputs: undefined });
  expect(written()).toContain("It did not succeed.");
  expect(written()).not.toContain("No changes");
});

test("a terminal gets the tree drawn again in place, with what is going on", () => {
  const { show, written } = createReader(60);
  show.group(stack, "create");
  const ended = show.begin(thing, "create", []);
  show.log("info", "fetching 10 %", thing, true);
  show.line("a line above");
  ended("done");
  show.close({ hasFailed: false, outputs: undefined });
  expect(written()).toContain("a line above\n +  pulumi:pulumi:Stack project-test  created\n");
  expect(written()).toContain(" +    p:m:Thing a  fetching 10 %");
  expect(written()).toContain("\u001b[2A\u001b[0J +  pulumi:pulumi:Stack");
});
