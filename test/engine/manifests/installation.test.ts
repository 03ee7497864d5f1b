/** What serves all models: one writer of one file, many gateways over Postgres, a door by name, and Secrets by name alone. */
import { expect, test } from "vitest";
import { Platform, type PlatformInput } from "../../../engine/contract/platform.ts";
import type { InstallationSettings } from "../../../engine/manifests/gateway-pod.ts";
import { planInstallation } from "../../../engine/manifests/installation.ts";
import { at, find, listAt, mapAt } from "../../support/manifests/objects.ts";
import { allApis } from "../../support/manifests/random-plans.ts";

const key = { name: "app", sha256: "a".repeat(64) };

function plan(platform: PlatformInput = {}, settings: InstallationSettings = { keys: [key] }) {
  return planInstallation({
    platform: Platform.parse(platform),
    settings,
    version: "0.1.0",
    managedBy: "test",
  });
}

const postgres = { kind: "postgres", image: "postgres:17", password: { name: "db" } } as const;
const external: PlatformInput["database"] = {
  kind: "external",
  url: { name: "db", key: "dsn" },
  egress: ["10.0.0.0/8"],
};

const engine = (objects: ReturnType<typeof plan>) =>
  JSON.parse(mapAt(find(objects, "ConfigMap"), "data")["engine.yaml"] ?? "");

test("the smallest one is a namespace, its doors, and one gateway with its file", () => {
  expect(plan().map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
    "Namespace echorator",
    "NetworkPolicy echorator-default-deny",
    "PersistentVolumeClaim echorator-memory",
    "ServiceAccount echorator-gateway",
    "Role echorator-gateway",
    "RoleBinding echorator-gateway",
    "ConfigMap echorator-gateway",
    "NetworkPolicy echorator-gateway",
    "PodDisruptionBudget echorator-gateway",
    "Service echorator",
    "Deployment echorator-gateway",
  ]);
});

test("the embedded database has one writer, also while it is replaced", () => {
  const deployment = find(plan(), "Deployment");
  expect(at(deployment, "spec.replicas")).toBe(1);
  expect(at(deployment, "spec.strategy")).toEqual({ type: "Recreate" });
  expect(() => plan({ gateway: { replicas: 2 } })).toThrow(/cannot share the embedded database/);
});

test("a gateway that waits for its database or the API is not ready, and is not ended for it", () => {
  const container = at(find(plan(), "Deployment"), "spec.template.spec.containers.0");
  const pathOf = (probe: string) => at(container, `${probe}.httpGet.path`);
  expect(["startupProbe", "readinessProbe", "livenessProbe"].map(pathOf)).toEqual([
    ...["/api/health", "/health/serving", "/health"],
  ]);
});

test("with Postgres there are as many gateways as wanted, and none is missing in a roll", () => {
  const objects = plan({ database: postgres, gateway: { replicas: 3 } });
  const deployment = find(objects, "Deployment", "echorator-gateway");
  expect(at(deployment, "spec.replicas")).toBe(3);
  expect(at(deployment, "spec.strategy.rollingUpdate")).toEqual({ maxSurge: 1, maxUnavailable: 0 });
  const { stores } = engine(objects);
  expect(stores).toEqual({ kind: "postgres", urlFile: "/etc/echorator/database.url" });
  expect(mapAt(find(objects, "ConfigMap"), "data")["database.url"]).toBe(
    "postgres://echorator@echorator-postgres:5432/echorator\n",
  );
  expect(at(find(objects, "StatefulSet"), "spec.persistentVolumeClaimRetentionPolicy")).toEqual({
    whenDeleted: "Retain",
    whenScaled: "Retain",
  });
});

test("passwords, URLs and keys are named, never written", () => {
  const objects = plan({
    database: external,
    cache: { kind: "external", url: { name: "cache", key: "url" }, egress: ["10.0.0.0/8"] },
  });
  const pod = at(find(objects, "Deployment"), "spec.template.spec");
  expect(listAt(pod, "volumes").filter(volume => volume.secret !== undefined)).toEqual([
    { name: "endpoints", secret: { secretName: "echorator-endpoints", optional: true } },
    { name: "database", secret: { secretName: "db", items: [{ key: "dsn", path: "url" }] } },
    { name: "cache", secret: { secretName: "cache", items: [{ key: "url", path: "url" }] } },
  ]);
  expect(engine(objects).stores).toEqual({
    kind: "postgres",
    urlFile: "/etc/echorator-database/url",
    cacheUrlFile: "/etc/echorator-cache/url",
  });
  expect(engine(objects).keys).toEqual([key]);
});

test("a change of what gateways read rolls them, and a change of their number does not", () => {
  const pods = (platform: PlatformInput, settings?: InstallationSettings) =>
    JSON.stringify(
      at(find(plan(platform, settings), "Deployment", "echorator-gateway"), "spec.template"),
    );
  const base = { database: external };
  expect(pods({ ...base, gateway: { replicas: 2 } })).toBe(pods(base));
  expect(pods(base, { auth: "none" })).not.toBe(pods(base));
});

test("a host's door is an Ingress, or a route of a gateway where that API is", () => {
  const host = "echo.example.org";
  const ingress = find(
    plan({ gateway: { host, tlsSecret: "tls", ingressClass: "nginx" } }),
    "Ingress",
  );
  expect(ingress.spec).toMatchObject({
    ingressClassName: "nginx",
    tls: [{ hosts: [host], secretName: "tls" }],
  });
  const route = { gateway: "front", namespace: "edge" };
  const joined = plan({ apis: allApis, gateway: { host, route } });
  expect(find(joined, "HTTPRoute").spec).toEqual({
    parentRefs: [{ name: "front", namespace: "edge" }],
    hostnames: [host],
    rules: [{ backendRefs: [{ name: "echorator", port: 5_000 }] }],
  });
  expect(joined.some(({ kind }) => kind === "Ingress")).toBe(false);
  expect(() => plan({ gateway: { host, route } })).toThrow(/needs the API/);
  expect(() => plan({ gateway: { route } })).toThrow(/has no host/);
});

test("clients by address alone: the Service keeps their addresses and the cloud knows them", () => {
  const clientCidrs = ["203.0.113.0/24"];
  const service = (kind: "LoadBalancer" | "NodePort", cidrs?: string[]) =>
    find(plan({ gateway: { service: kind }, ...(cidrs && { clientCidrs: cidrs }) }), "Service")
      .spec;
  expect(service("LoadBalancer", clientCidrs)).toMatchObject({
    externalTrafficPolicy: "Local",
    loadBalancerSourceRanges: clientCidrs,
  });
  expect(service("NodePort", clientCidrs)).toMatchObject({ externalTrafficPolicy: "Local" });
  expect(service("LoadBalancer")).not.toHaveProperty("loadBalancerSourceRanges");
});

test("monitoring has its object where its API is, with a key where there are keys", () => {
  const endpoint = (settings: InstallationSettings) =>
    listAt(find(plan({ apis: allApis }, settings), "PodMonitor"), "spec.podMetricsEndpoints")[0];
  expect(plan().some(({ kind }) => kind === "PodMonitor")).toBe(false);
  expect(endpoint({ auth: "none" })).toEqual({ port: "http", path: "/metrics" });
  expect(endpoint({ keys: [key] })).toMatchObject({
    authorization: { credentials: { name: "echorator-metrics-key", key: "key" } },
  });
});

test("shared weights have one volume that many may write", () => {
  const claim = find(
    plan({ storage: { shared: "files", sharedSize: "9Gi" } }),
    "PersistentVolumeClaim",
    "echorator-weights",
  );
  expect(claim.spec).toMatchObject({ accessModes: ["ReadWriteMany"], storageClassName: "files" });
});

test("an open door without keys is refused, and so is a request that outlives its pod", () => {
  expect(() => plan({}, {})).toThrow(/open to the network/);
  expect(() =>
    plan({ requestSeconds: 60 }, { auth: "none", inference: { requestSeconds: 61 } }),
  ).toThrow(/pods that go wait 60 s/);
  expect(engine(plan({ requestSeconds: 60 })).inference).toEqual({ requestSeconds: 60 });
});
