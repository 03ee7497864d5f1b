/** What is so of every plan of the operator, over seeded platforms. */
import { expect, test } from "vitest";
import { parseEngineConfig } from "../../../engine/contract/config.ts";
import { createSeededRandom } from "../../../engine/kit/random.ts";
import { planInstallation } from "../../../engine/manifests/installation.ts";
import { planOperator } from "../../../engine/manifests/operator.ts";
import { find, listAt, mapAt, textsAt } from "../../support/manifests/objects.ts";
import { restrictedProblems } from "../../support/manifests/pod-security.ts";
import { randomPlatform } from "../../support/manifests/random-plans.ts";
import { danglingReferences } from "../../support/manifests/references.ts";
import { schemaProblems } from "../../support/manifests/schemas.ts";

const common = { version: "0.1.0", managedBy: "test" };
const plans = Array.from({ length: 60 }, (_, index) => {
  const platform = randomPlatform(createSeededRandom(index + 1));
  const settings = { auth: "none" as const };
  const installation = planInstallation({ platform, settings, ...common });
  return { platform, installation, operator: planOperator({ platform, ...common }) };
});

test("keeps Pod Security restricted, the schemas of Kubernetes, and refers to what is there", () => {
  for (const { operator, installation } of plans) {
    const [definition, ...objects] = operator;
    expect(definition?.kind).toBe("CustomResourceDefinition");
    expect(restrictedProblems(objects)).toEqual([]);
    expect(objects.flatMap(schemaProblems)).toEqual([]);
    expect(danglingReferences([...installation, ...objects])).toEqual([]);
  }
});

test("names nothing that the installation names", () => {
  for (const { operator, installation } of plans) {
    const names = [...operator, ...installation].map(
      ({ kind, metadata }) => `${kind} ${metadata.name}`,
    );
    expect(new Set(names).size).toBe(names.length);
  }
});

test("has no wildcard, and Secrets are read one by one", () => {
  for (const { operator } of plans) {
    const rules = operator
      .filter(({ kind }) => kind === "Role")
      .flatMap(role => listAt(role, "rules"));
    for (const rule of rules) {
      const said = [
        ...textsAt(rule, "apiGroups"),
        ...textsAt(rule, "resources"),
        ...textsAt(rule, "verbs"),
      ];
      expect(said).not.toContain("*");
      if (textsAt(rule, "resources").includes("secrets"))
        expect(textsAt(rule, "verbs")).toEqual(["get"]);
    }
  }
});

test("its configuration is one that an operator takes, with the platform as it was given", () => {
  for (const { operator, platform } of plans) {
    const { metadata } = operator.find(({ kind }) => kind === "ConfigMap")!;
    const text = mapAt(find(operator, "ConfigMap", metadata.name), "data")["engine.yaml"] ?? "";
    const config = parseEngineConfig(JSON.parse(text), "engine.yaml");
    expect(config).toMatchObject({ role: "operator", auth: "none" });
    expect(config.platform).toEqual(platform);
  }
});
