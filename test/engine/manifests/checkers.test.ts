/** The proofs' own eyes: each thing that is broken on purpose is seen. */
import { expect, test } from "vitest";
import type { KubernetesObject } from "../../../engine/contract/kubernetes.ts";
import { ModelSpec } from "../../../engine/contract/model.ts";
import { Platform } from "../../../engine/contract/platform.ts";
import { planModel } from "../../../engine/manifests/model.ts";
import { at, find } from "../../support/manifests/objects.ts";
import { restrictedProblems } from "../../support/manifests/pod-security.ts";
import { danglingReferences } from "../../support/manifests/references.ts";
import { schemaProblems } from "../../support/manifests/schemas.ts";

function plan(): KubernetesObject[] {
  return planModel({
    spec: ModelSpec.parse({ name: "echo", source: "bundled:echo-tiny" }),
    platform: Platform.parse({}),
    shape: undefined,
    version: "0.1.0",
    managedBy: "test",
  }).objects;
}

/** The objects with the value at `path` of one of them set, or taken away. */
function broken(kind: string, path: string, value: unknown): KubernetesObject[] {
  const objects = structuredClone(plan());
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  const parent = (keys.length === 0
    ? find(objects, kind)
    : at(find(objects, kind), keys.join("."))) as unknown as { [field: string]: unknown };
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return objects;
}

const pod = "spec.template.spec";
const container = `${pod}.containers.0`;

test.each<[string, unknown, RegExp]>([
  [`${pod}.hostNetwork`, true, /hostNetwork/],
  [`${pod}.hostPID`, true, /hostPID/],
  [`${pod}.volumes.1`, { name: "home", hostPath: { path: "/" } }, /hostPath/],
  [`${pod}.securityContext.sysctls`, [{ name: "a", value: "b" }], /sysctl/],
  [`${container}.securityContext.privileged`, true, /privileged/],
  [`${container}.securityContext.allowPrivilegeEscalation`, undefined, /gain/],
  [`${container}.securityContext.runAsNonRoot`, false, /root/],
  [`${container}.securityContext.runAsUser`, 0, /root/],
  [`${container}.securityContext.seccompProfile`, { type: "Unconfined" }, /seccomp/],
  [`${container}.securityContext.capabilities`, { drop: ["NET_RAW"] }, /capabilities/],
  [`${container}.securityContext.capabilities.add`, ["SYS_ADMIN"], /capabilities/],
  [`${container}.securityContext.readOnlyRootFilesystem`, false, /write/],
  [`${container}.ports.0.hostPort`, 80, /host's port/],
  [`${container}.resources.limits`, {}, /memory/],
])("Pod Security: %s", (path, value, sentence) => {
  expect(restrictedProblems(plan())).toEqual([]);
  expect(restrictedProblems(broken("Deployment", path, value)).join()).toMatch(sentence);
});

test.each<[string, string, unknown, RegExp]>([
  ["Deployment", `${pod}.serviceAccountName`, "other", /ServiceAccount/],
  ["Deployment", "spec.selector.matchLabels", { a: "b" }, /selects other pods/],
  ["Deployment", `${pod}.volumes.0.configMap.name`, "other", /ConfigMap/],
  ["Deployment", `${pod}.volumes.0.configMap.items.0.key`, "other", /key/],
  ["Deployment", `${container}.volumeMounts.0.name`, "other", /no volume/],
  ["Deployment", `${container}.readinessProbe`, undefined, /no readinessProbe/],
  ["Deployment", `${container}.readinessProbe.httpGet.port`, "other", /no port/],
  ["Deployment", `${container}.livenessProbe.timeoutSeconds`, 1, /impatient/],
  ["Deployment", `${pod}.terminationGracePeriodSeconds`, 1, /grace/],
  ["Service", "spec.selector", { a: "b" }, /0 workloads/],
  ["Service", "spec.ports.0.targetPort", "other", /nowhere/],
  ["PodDisruptionBudget", "spec.selector.matchLabels", { a: "b" }, /selects nothing/],
  ["PodDisruptionBudget", "spec.scaleTargetRef", { kind: "Deployment", name: "x" }, /nothing/],
])("references: %s %s", (kind, path, value, sentence) => {
  expect(danglingReferences(plan())).toEqual([]);
  expect(danglingReferences(broken(kind, path, value)).join()).toMatch(sentence);
});

test.each<[string, string, unknown]>([
  ["Deployment", `${container}.image`, 7],
  ["Deployment", `${container}.bogus`, "x"],
  ["Deployment", "spec.replica", 2],
  ["Deployment", "spec.selector", undefined],
  ["NetworkPolicy", "spec.ingress.0.from.0.podSelectors", {}],
  ["PodDisruptionBudget", "spec.maxUnavailable", {}],
  ["Service", "spec.ports.0.port", "http"],
  ["NetworkPolicy", "spec.egress", []],
])("schemas: %s %s", (kind, path, value) => {
  expect(plan().flatMap(schemaProblems)).toEqual([]);
  expect(broken(kind, path, value).flatMap(schemaProblems)).not.toEqual([]);
});

test("a kind that nobody knows is no object", () => {
  const strange: KubernetesObject = { apiVersion: "a/v1", kind: "B", metadata: { name: "c" } };
  expect(schemaProblems(strange)).toEqual(["B c: nobody knows this kind"]);
});
