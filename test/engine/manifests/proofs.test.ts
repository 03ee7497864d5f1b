/** What is so of every plan: proofs over seeded platforms and models, each with every knob turned by some of them. */
import { describe, expect, test } from "vitest";
import { parseEngineConfig, type RouteConfig } from "../../../engine/contract/config.ts";
import { ModelSpec } from "../../../engine/contract/model.ts";
import { planInstallation } from "../../../engine/manifests/installation.ts";
import { planModel } from "../../../engine/manifests/model.ts";
import { at, find, listAt, mapAt, podTemplates, textsAt } from "../../support/manifests/objects.ts";
import { restrictedProblems } from "../../support/manifests/pod-security.ts";
import { randomPlan } from "../../support/manifests/random-plans.ts";
import { danglingReferences } from "../../support/manifests/references.ts";
import { schemaProblems } from "../../support/manifests/schemas.ts";

const seeds = Array.from({ length: 150 }, (_, index) => index + 1);
const settings = { auth: "none" as const };

function planAll(seed: number) {
  const { platform, inputs } = randomPlan(seed);
  const models = inputs.map(planModel);
  const installation = planInstallation({
    platform,
    settings,
    version: "0.1.0",
    managedBy: "test",
  });
  return {
    platform,
    inputs,
    models,
    installation,
    objects: [...installation, ...models.flatMap(plan => plan.objects)],
  };
}

const plans = seeds.map(planAll);

/** The seeds at which something is wrong, with what it is. */
function wrongAt(problems: (plan: (typeof plans)[number]) => string[]): string[] {
  return plans.flatMap((plan, index) =>
    problems(plan).map(problem => `seed ${seeds[index]}: ${problem}`),
  );
}

describe("every object of every plan", () => {
  test("keeps Pod Security restricted", () => {
    expect(wrongAt(({ objects }) => restrictedProblems(objects))).toEqual([]);
  });

  test("is what the schemas of Kubernetes know, without a field too many", () => {
    expect(wrongAt(({ objects }) => objects.flatMap(schemaProblems))).toEqual([]);
  });

  test("refers to what is there: selectors, ports, volumes, accounts, probes, targets", () => {
    expect(wrongAt(({ objects }) => danglingReferences(objects))).toEqual([]);
  });

  test("has a name that its kind takes, the platform's namespace and all labels", () => {
    expect(
      wrongAt(({ objects, platform }) =>
        objects.flatMap(({ kind, metadata }) => {
          const values = Object.values(metadata.labels ?? {});
          return [
            ...(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(metadata.name) ? [] : ["name"]),
            ...(kind === "Namespace" || metadata.namespace === platform.namespace ? [] : ["place"]),
            ...(values.length >= 6 && values.every(value => value.length <= 63) ? [] : ["labels"]),
          ].map(what => `${kind} ${metadata.name}: ${what}`);
        }),
      ),
    ).toEqual([]);
  });

  test("says the same when it is planned again", () => {
    for (const seed of seeds.slice(0, 30))
      expect(JSON.stringify(planAll(seed).objects)).toBe(JSON.stringify(planAll(seed).objects));
  });
});

describe("rights", () => {
  test("no role has a wildcard, and none reads Secrets", () => {
    const rules = plans.flatMap(({ objects }) =>
      objects.filter(({ kind }) => /Role$/.test(kind)).flatMap(role => listAt(role, "rules")),
    );
    expect(rules.length).toBeGreaterThan(0);
    for (const rule of rules) {
      const words = ["apiGroups", "resources", "verbs"].flatMap(field => textsAt(rule, field));
      expect(words.filter(word => word.includes("*") || word === "secrets")).toEqual([]);
    }
  });

  test("a token is in gateways' pods alone", () => {
    const holders = plans.flatMap(({ objects }) =>
      podTemplates(objects)
        .filter(({ spec }) => spec.automountServiceAccountToken !== false)
        .map(({ labels }) => labels["app.kubernetes.io/component"]),
    );
    expect([...new Set(holders)]).toEqual(["gateway"]);
  });

  test("no Secret is made, and nothing secret is written", () => {
    const kinds = new Set(plans.flatMap(({ objects }) => objects.map(({ kind }) => kind)));
    expect(kinds.has("Secret")).toBe(false);
  });
});

describe("a pod's times", () => {
  test("a pod that goes has the longest request and the drain, a start has twice what is foretold", () => {
    expect(
      wrongAt(({ models, inputs, platform }) =>
        models.flatMap((plan, index) =>
          podTemplates(plan.objects).flatMap(({ owner, spec, containers }) => {
            const grace = Number(spec.terminationGracePeriodSeconds);
            const probe = at(containers[0], "startupProbe") as Record<string, number>;
            const budget = (probe.periodSeconds ?? 0) * (probe.failureThreshold ?? 0);
            const { fetchSeconds = 0, loadSeconds = 0 } = plan.prediction ?? {};
            const isStable = owner.metadata.name === owner.metadata.name.replace(/-canary.*/, "");
            return [
              ...(grace >= platform.requestSeconds + platform.gateway.drainSeconds + 15
                ? []
                : [`grace of ${inputs[index]?.spec.name}`]),
              ...(!isStable || budget >= 2 * (fetchSeconds + loadSeconds - 2)
                ? []
                : [`start of ${inputs[index]?.spec.name}`]),
            ];
          }),
        ),
      ),
    ).toEqual([]);
  });
});

describe("what the engine reads", () => {
  test("each worker's configuration is one, with its model alone", () => {
    for (const { models, inputs } of plans)
      for (const [index, plan] of models.entries()) {
        const data = mapAt(find(plan.objects, "ConfigMap"), "data");
        for (const key of ["engine.yaml", "canary.yaml"]) {
          const text = data[key];
          if (text === undefined) continue;
          const config = parseEngineConfig(JSON.parse(text), key);
          expect(config.role).toBe("worker");
          expect(config.models.map(model => model.name)).toEqual([inputs[index]?.spec.name]);
          expect(JSON.stringify(config)).not.toContain("pvc:");
        }
      }
  });

  test("each route has the whole specification", () => {
    for (const { models, inputs } of plans)
      for (const [index, plan] of models.entries()) {
        const data = mapAt(find(plan.objects, "ConfigMap"), "data");
        const route = JSON.parse(data["route.json"] ?? "") as RouteConfig;
        expect(ModelSpec.parse(route.spec)).toEqual(inputs[index]?.spec);
        expect(route.service === undefined).toBe(inputs[index]?.spec.source.startsWith("openai:"));
      }
  });

  test("a gateway's configuration is one", () => {
    for (const { installation, platform } of plans) {
      const map = installation.find(({ kind }) => kind === "ConfigMap");
      const text = mapAt(map, "data")["engine.yaml"] ?? "";
      const config = parseEngineConfig(JSON.parse(text), "engine.yaml");
      expect(config.role).toBe("gateway");
      expect(config.gateway.namespace).toBe(platform.namespace);
      expect(config.stores.kind).toBe(
        platform.database.kind === "embedded" ? "sqlite" : "postgres",
      );
    }
  });
});

describe("a change", () => {
  test("of one model changes that model's objects and no other's", () => {
    for (const seed of seeds.slice(0, 50)) {
      const { inputs } = randomPlan(seed);
      const before = inputs.map(input => JSON.stringify(planModel(input).objects));
      const changed = inputs.map((input, index) =>
        index === 1 ? { ...input, spec: { ...input.spec, system: "Another one." } } : input,
      );
      const after = changed.map(input => JSON.stringify(planModel(input).objects));
      expect(after.map((text, index) => text === before[index])).toEqual([true, false, true]);
    }
  });

  test("no two models on one platform have an object in common", () => {
    for (const { models } of plans) {
      const names = models.flatMap(plan =>
        plan.objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      );
      expect(new Set(names).size).toBe(names.length);
    }
  });
});
