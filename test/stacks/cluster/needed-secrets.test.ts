/** Every way in which an object names a Secret is found, and no content with it. */
import { expect, test } from "vitest";
import type { KubernetesObject } from "../../../engine/contract/kubernetes.ts";
import { Platform } from "../../../engine/contract/platform.ts";
import { planInstallation } from "../../../engine/manifests/installation.ts";
import { neededSecrets } from "../../../stacks/cluster/needed-secrets.ts";

function object(name: string, spec: KubernetesObject[string]): KubernetesObject {
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name, namespace: "n" }, spec };
}

test("of variables, volumes, projections, images and certificates", () => {
  const pod = {
    imagePullSecrets: [{ name: "registry" }],
    containers: [
      { env: [{ name: "A", valueFrom: { secretKeyRef: { name: "token", key: "one" } } }] },
      { env: [{ name: "B", valueFrom: { secretKeyRef: { name: "token", key: "two" } } }] },
    ],
    volumes: [
      { name: "a", secret: { secretName: "files", items: [{ key: "k", path: "p" }] } },
      { name: "b", projected: { sources: [{ secret: { name: "projected", optional: true } }] } },
    ],
    tls: [{ hosts: ["h"], secretName: "certificate" }],
  };
  const found = neededSecrets([object("a", pod), object("b", { secret: { secretName: "files" } })]);
  expect(found.map(({ name, keys, isOptional }) => [name, keys.join(), isOptional])).toEqual([
    ["certificate", "tls.crt,tls.key", false],
    ["files", "k", false],
    ["projected", "", true],
    ["registry", ".dockerconfigjson", false],
    ["token", "one,two", false],
  ]);
  expect(found[1]?.usedBy).toEqual(["Deployment/a", "Deployment/b"]);
});

test("of a gateway's plan: the key by which monitoring reads its metrics", () => {
  const platform = Platform.parse({ apis: ["monitoring.coreos.com/v1/PodMonitor"] });
  const settings = { keys: [{ name: "a", sha256: "0".repeat(64) }] };
  const objects = planInstallation({ platform, settings, version: "0", managedBy: "test" });
  expect(neededSecrets(objects)).toContainEqual({
    namespace: "echorator",
    name: "echorator-metrics-key",
    keys: ["key"],
    usedBy: ["PodMonitor/echorator-gateway"],
    isOptional: false,
  });
});

test("one that is needed anywhere is needed", () => {
  const ref = (isOptional: boolean) => ({
    secretKeyRef: { name: "s", key: "k", ...(isOptional ? { optional: true } : {}) },
  });
  const found = neededSecrets([object("a", ref(true)), object("b", ref(false))]);
  expect(found).toMatchObject([{ name: "s", namespace: "n", isOptional: false }]);
});

test("of a plan without any: none", () => {
  expect(neededSecrets([object("a", { data: { secret: "a text", tls: "none" } })])).toEqual([]);
});
