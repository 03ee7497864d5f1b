/** From Kubernetes' objects to workers: who may be sent requests, and what a wrong object does. */
import { expect, test } from "vitest";
import type { KubernetesObject } from "../../../../engine/contract/kubernetes.ts";
import { ModelSpec } from "../../../../engine/contract/model.ts";
import { parseRoute, toEntry } from "../../../../engine/inference/routing/endpoints.ts";

const spec = ModelSpec.parse({ name: "one", source: "bundled:echo-tiny" });

function configMap(route: unknown, model = "one"): KubernetesObject {
  return {
    ...{ apiVersion: "v1", kind: "ConfigMap" },
    metadata: { name: "model-one", labels: { "echorator.dev/model": model } },
    data: { "route.json": typeof route === "string" ? route : JSON.stringify(route) },
  };
}

function slice(conditions: object, name: string, address = "10.0.0.1"): KubernetesObject {
  return {
    ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice" },
    metadata: { name: `slice-${name}` },
    endpoints: [
      { addresses: [address], conditions: { ...conditions }, targetRef: { kind: "Pod", name } },
    ],
    ports: [{ name: "main", port: 5000 }],
  };
}

const route = {
  ...{ spec, service: "model-one", canaryService: "model-one-canary", port: 5000 },
  ...{ workload: { kind: "Deployment", name: "model-one" }, startupBudgetSeconds: 30 },
};

test.each([
  [{ ready: true, serving: true, terminating: false }, { accepting: true }],
  [{ ready: null }, { accepting: true }],
  [
    { ready: false, serving: false, terminating: false },
    { accepting: false, starting: true },
  ],
  [{ ready: false, serving: true, terminating: true }, { accepting: false }],
  [{ ready: true, serving: true, terminating: true }, { accepting: false }],
])("conditions %j mean %j", (conditions, meant) => {
  const parsed = parseRoute(configMap(route));
  if (!("route" in parsed)) throw new Error(parsed.wrong);
  const entry = toEntry(parsed.route, service =>
    service === "model-one" ? [slice(conditions, "pod-1")] : [],
  );
  expect(entry.workers).toEqual([
    { id: "pod-1", url: "http://10.0.0.1:5000", track: "stable", ...meant },
  ]);
});

test("a canary's Service gives canary workers, and IPv6 stands in brackets", () => {
  const parsed = parseRoute(configMap(route));
  if (!("route" in parsed)) throw new Error(parsed.wrong);
  const { workers } = toEntry(parsed.route, service =>
    service === "model-one-canary" ? [slice({ ready: true }, "pod-9", "fd00::9")] : [],
  );
  expect(workers).toEqual([
    { id: "pod-9", url: "http://[fd00::9]:5000", track: "canary", accepting: true },
  ]);
});

test("an endpoint that stands in two slices counts once, and as accepting if either says so", () => {
  const parsed = parseRoute(configMap(route));
  if (!("route" in parsed)) throw new Error(parsed.wrong);
  const { workers } = toEntry(parsed.route, service =>
    service === "model-one"
      ? [slice({ ready: true }, "pod-1"), slice({ ready: false }, "pod-1")]
      : [],
  );
  expect(workers.map(worker => worker.accepting)).toEqual([true]);
});

test.each([
  ["{", "no JSON"],
  [{ ...route, spec: { name: "One" } }, "DNS label"],
  [{ ...route, spec: { ...spec, name: "two" } }, "names another model"],
  ["[]", "expected object"],
])("a wrong route is said and not taken: %j", (wrong, sentence) => {
  const parsed = parseRoute(configMap(wrong));
  expect("wrong" in parsed ? parsed.wrong : "").toMatch(sentence);
});
