/** When a served model needs an update, and how its state reads. */
import { expect, test } from "vitest";
import {
  describeStatus,
  isAsWanted,
  planModelDiff,
  toModelOutputs,
} from "../../../components/local/served-model-plan.ts";
import { ModelSpec, type ModelStatus } from "../../../engine/contract/model.ts";

const spec = { name: "a", source: "bundled:echo-tiny" };
const status: ModelStatus = {
  spec: ModelSpec.parse(spec),
  owner: "stack",
  state: "ready",
  progress: undefined,
  error: undefined,
  file: undefined,
  contextTokens: 1024,
  memoryBytes: undefined,
  expiresMs: undefined,
};

const cases: Record<string, [Partial<ModelStatus> | undefined, boolean]> = {
  ready: [{}, true],
  "unloaded, because idle": [{ state: "unloaded" }, true],
  "being loaded again": [{ state: "loading" }, true],
  "still fetching": [{ state: "fetching" }, false],
  failed: [{ state: "failed" }, false],
  "not there": [undefined, false],
  "a client's": [{ owner: "client" }, false],
  "another spec": [{ spec: ModelSpec.parse({ ...spec, slots: 2 }) }, false],
};

for (const [name, [change, expected]] of Object.entries(cases))
  test(`a model that is ${name} is ${expected ? "as wanted" : "to be put"}`, () => {
    const found = change === undefined ? undefined : { ...status, ...change };
    expect(isAsWanted(spec, found)).toBe(expected);
  });

test("inputs that differ or are not known yet need no question to the engine", () => {
  const inputs = { home: "/h", endpoint: "http://x", instance: "i", spec };
  expect(planModelDiff({ ...inputs, state: "ready" }, inputs)).toBe("ask");
  expect(planModelDiff(inputs, { ...inputs, instance: "j" })).toBe("changed");
  expect(planModelDiff(inputs, { ...inputs, spec: { ...spec, slots: 1 } })).toBe("changed");
  const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
  expect(planModelDiff(inputs, { ...inputs, instance: unknown })).toBe("changed");
});

test("progress reads as a line", () => {
  const progress = { completedBytes: 12_500_000, totalBytes: 340_000_000 };
  expect(describeStatus({ ...status, state: "fetching", progress })).toBe(
    "fetching 12.5 of 340.0 MB (3 %)",
  );
  expect(describeStatus({ ...status, progress: { ...progress, totalBytes: undefined } })).toBe(
    "ready 12.5 MB",
  );
  expect(describeStatus(status)).toBe("ready");
});

test("the state keeps what does not change by itself", () => {
  expect(toModelOutputs(status)).toEqual({ state: "ready", contextTokens: 1024 });
});
