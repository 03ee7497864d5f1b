/** The policies' rules over planned stacks: the tracked ones keep them, and what breaks one says so with what to do. */
import { describe, expect, test } from "vitest";
import { Platform } from "../../../engine/contract/platform.ts";
import { describeBroken, judge, sayAdvice } from "../../../stacks/cluster/judgement.ts";
import { allObjects, planCluster } from "../../../stacks/cluster/plan.ts";
import type { Readings } from "../../../stacks/cluster/readings.ts";
import { type ClusterStack, parseStackConfig } from "../../../stacks/parse-config.ts";
import {
  describeModel,
  exampleReading,
  readTrackedValues,
  toClusterStack,
} from "../../support/cluster-stack.ts";

function judgeStack(stack: ClusterStack) {
  const sources = stack.engine.models.flatMap(({ source, canary }) => [source, canary?.source]);
  const readings: Readings = new Map(sources.flatMap(source => [...exampleReading(source)]));
  const plan = planCluster({ stack, readings, version: "0.1.0", withOperator: false });
  expect(plan.refused).toEqual([]);
  return judge(allObjects(plan), stack.platform);
}

const judgeFields = (platform: object, model: object = {}) =>
  judgeStack(toClusterStack({ platform, models: [{ ...describeModel("a"), ...model }] }));

describe.each(["dev", "staging"])("the tracked stack %s", name => {
  test("keeps every rule but advice on images without a digest", () => {
    const stack = parseStackConfig(readTrackedValues(name));
    if (!("engine" in stack) || stack.target !== "kubernetes") throw new Error("no cluster's");
    const judgement = judgeStack(stack);
    expect(judgement.broken).toEqual([]);
    expect(new Set(judgement.advice.map(({ rule }) => rule))).toEqual(
      new Set(["image-has-digest"]),
    );
    expect(describeBroken(judgement, name)).toBeUndefined();
    expect(sayAdvice(judgement, false)).toHaveLength(1);
    expect(sayAdvice(judgement, true)).toHaveLength(judgement.advice.length);
  });
});

test.each([
  ["an image that moves", { image: "engine:latest" }, {}, "image-has-version"],
  ["the cluster's own namespace", { namespace: "kube-system" }, {}, "own-namespace"],
  [
    "a token in the environment",
    {},
    { pod: { env: { API_TOKEN: "hunter2" } } },
    "no-secret-in-env",
  ],
])("%s is refused by rule, object and remedy, without the value", (_, platform, model, rule) => {
  const said = describeBroken(judgeFields(platform, model), "test") ?? "";
  expect(said).toMatch(new RegExp(`^  ${rule}: [A-Z]\\w+/[a-z-]+: .+\\. .+\\.$`, "m"));
  expect(said).not.toContain("please report");
  expect(said).not.toContain("hunter2");
});

test("no policies of the network is advice where the platform declares it, and refused where it does not", () => {
  const { broken, advice } = judgeFields({ networkPolicies: false });
  expect(broken).toEqual([]);
  expect(advice.map(({ rule }) => rule)).toContain("default-deny");
  const stack = toClusterStack({ platform: { networkPolicies: false }, models: [] });
  const plan = planCluster({ stack, readings: new Map(), version: "1", withOperator: false });
  const undeclared = judge(allObjects(plan), Platform.parse({}));
  expect(undeclared.broken.map(({ rule }) => rule)).toContain("default-deny");
});
