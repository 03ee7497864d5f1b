/** Our registrations are those of Pulumi's own classes: the same tokens, the same inputs, the same plugin. */
import { createRequire } from "node:module";
import { runtime } from "@pulumi/pulumi";
import { beforeAll, expect, test } from "vitest";
import { EchoComponent } from "../../../components/component.ts";
import { ClusterProvider, pluginVersion } from "../../../components/kubernetes/cluster-provider.ts";
import { ObjectResource, toToken } from "../../../components/kubernetes/object-resource.ts";
import type { KubernetesObject } from "../../../engine/contract/kubernetes.ts";

interface Registered {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
}

const registered: Registered[] = [];

beforeAll(() => {
  runtime.setMocks({
    call: args => args,
    newResource: ({ type, name, inputs }) => {
      registered.push({ type, name, inputs });
      return { id: name, state: inputs };
    },
  });
});

class Group extends EchoComponent {}

const deployment: KubernetesObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "a", namespace: "n", annotations: { own: "yes" } },
  spec: { replicas: 1, selector: { matchLabels: { a: "b" } } },
};

test("tokens of all kinds that are planned are those of @pulumi/kubernetes", async () => {
  const sdk = await import("@pulumi/kubernetes");
  const classes = [
    sdk.core.v1.Namespace,
    sdk.core.v1.ConfigMap,
    sdk.core.v1.Service,
    sdk.core.v1.ServiceAccount,
    sdk.core.v1.PersistentVolumeClaim,
    sdk.apps.v1.Deployment,
    sdk.apps.v1.StatefulSet,
    sdk.networking.v1.NetworkPolicy,
    sdk.networking.v1.Ingress,
    sdk.policy.v1.PodDisruptionBudget,
    sdk.rbac.v1.Role,
    sdk.rbac.v1.RoleBinding,
    sdk.rbac.v1.ClusterRole,
    sdk.autoscaling.v2.HorizontalPodAutoscaler,
    sdk.apiextensions.v1.CustomResourceDefinition,
  ];
  for (const kind of classes) {
    const before = registered.length;
    const made = new kind("x", { metadata: { name: "x" }, spec: {}, roleRef: {} } as never);
    await new Promise<void>(resolve => made.urn.apply(() => resolve()));
    const { type, inputs } = registered[before] ?? { type: "", inputs: {} };
    const { apiVersion, kind: name } = inputs as { apiVersion: string; kind: string };
    expect(toToken({ apiVersion, kind: name, metadata: { name: "x" } })).toBe(type);
  }
});

test("the plugin is of the version of the development dependency", () => {
  const require = createRequire(import.meta.url);
  expect(pluginVersion).toBe(require("@pulumi/kubernetes/package.json").version);
});

test("inputs are the object, with what only Pulumi reads among its annotations", async () => {
  const group = new Group("Group", "group");
  const place = { kubeconfig: "/nowhere/config", context: "somewhere" };
  const provider = new ClusterProvider("cluster", place, group);
  const annotations = { "pulumi.com/timeoutSeconds": "90" };
  const made = new ObjectResource(
    "child",
    { object: deployment, annotations },
    { parent: group, provider },
  );
  await new Promise<void>(resolve => made.urn.apply(() => resolve()));
  const { metadata } = deployment;
  expect(registered.find(({ name }) => name === "child")?.inputs).toEqual({
    ...deployment,
    metadata: { ...metadata, annotations: { own: "yes", "pulumi.com/timeoutSeconds": "90" } },
  });
  expect(registered.find(({ name }) => name === "cluster")).toMatchObject({
    type: "pulumi:providers:kubernetes",
    inputs: { ...place, enableServerSideApply: "true" },
  });
});
