/** The plan of a cluster's stack: whole or refused, with a warning for whatever could not be known. */
import { expect, test } from "vitest";
import { EngineError } from "../../../engine/contract/errors.ts";
import { allObjects, describeRefusals, planCluster } from "../../../stacks/cluster/plan.ts";
import { renderPlan, toPlanData } from "../../../stacks/cluster/plan-text.ts";
import type { Readings } from "../../../stacks/cluster/readings.ts";
import { describeModel, exampleReading, toClusterStack } from "../../support/cluster-stack.ts";

const unjudged = { broken: [], advice: [] };
const head = { stack: "test", namespace: "echorator" };
const version = "0.1.0";

function plan(models: object[], readings: Readings, platform: object = {}) {
  const stack = toClusterStack({ models, platform });
  return planCluster({ stack, readings, version, withOperator: false });
}

test("a model's objects follow those of the installation, each name once", () => {
  const planned = plan([describeModel("a"), describeModel("b")], exampleReading());
  const names = allObjects(planned).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect(new Set(names).size).toBe(names.length);
  expect(names[0]).toBe("Namespace echorator");
  expect(names.indexOf("Deployment echorator-gateway")).toBeLessThan(
    names.indexOf("Deployment model-a"),
  );
  expect(planned.refused).toEqual([]);
});

test("the same stack is the same plan", () => {
  const models = [describeModel("a")];
  expect(plan(models, exampleReading())).toEqual(plan(models, exampleReading()));
});

test("what cannot fit is refused by the path of its model, with what would fit", () => {
  const small = { profiles: { small: { memory: "64Mi" } } };
  const models = [describeModel("a"), { ...describeModel("b"), profile: "small" }];
  const planned = plan(models, exampleReading(), small);
  expect(planned.models.map(({ spec }) => spec.name)).toEqual(["a"]);
  expect(planned.refused).toMatchObject([
    {
      spec: { name: "b" },
      path: expect.stringMatching(/^echorator:models\[1\]/),
      error: { code: "does_not_fit" },
    },
  ]);
  const said = describeRefusals(planned.refused);
  expect(said).toMatch(/^ {2}echorator:models\[1\]/);
  expect(renderPlan(planned, head, unjudged, false)).toMatch(
    /Refused: nothing is created[\s\S]*echorator:models\[1\]/,
  );
});

test("weights that are no model are refused as well", () => {
  const error = new EngineError("invalid_model_file", "It is a page of HTML.");
  const planned = plan([describeModel("a")], new Map([["bundled:echo-tiny", error]]));
  expect(planned.refused).toMatchObject([{ path: "echorator:models[0]", error }]);
});

test("a header that was not read is a warning, and sizes are as declared", () => {
  const source = "https://weights.example/m.gguf";
  const unread = { shape: undefined, facts: undefined, sha256: undefined, reason: "no network" };
  const planned = plan([{ name: "a", source }], new Map([[source, unread]]));
  expect(planned.models[0]?.plan.prediction).toBeUndefined();
  expect(planned.models[0]?.warnings[0]).toBe(`${source}: no network.`);
  expect(renderPlan(planned, head, unjudged, false)).toMatch(/a +unknown .*declared/);
});

test("a server of others has no header, and nobody is warned of it", () => {
  const source = "openai:https://models.example/v1#m";
  const planned = plan([{ name: "a", source }], new Map());
  expect(planned.models[0]?.warnings.join()).not.toContain("was not read");
});

test("the table shows what was foretold, and the data shows all of it", () => {
  const models = [{ ...describeModel("a"), replicas: { min: 1, max: 3 } }];
  const planned = plan(models, exampleReading());
  const text = renderPlan(planned, head, unjudged, false);
  expect(text).toMatch(
    /^stack test: 1 model, \d+ objects in namespace echorator\n\nmodel +weights/,
  );
  expect(text).toMatch(/\na +\d.* 1–3 +\d+ MiB +1024 +4 .*bundled:echo-tiny\n/);
  expect(toPlanData(planned, head, unjudged)).toMatchObject({
    stack: "test",
    models: [
      {
        name: "a",
        replicas: { min: 1, max: 3 },
        prediction: { contextTokens: 1024, slots: 4 },
        facts: { architecture: "llama" },
      },
    ],
    refused: [],
  });
});
