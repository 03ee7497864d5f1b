/** A gateway's side of Kubernetes against a real API server: the catalog, and the scaling with exactly the rights that it is given. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type KubernetesObject, labels } from "../../engine/contract/kubernetes.ts";
import { ModelSpec, type ModelSpecInput } from "../../engine/contract/model.ts";
import { Platform } from "../../engine/contract/platform.ts";
import type { ModelDemand } from "../../engine/inference/routing/demand.ts";
import { serviceLabel } from "../../engine/inference/routing/endpoints.ts";
import { createKubernetesCatalog } from "../../engine/inference/routing/kubernetes-catalog.ts";
import { createScaler, type Scaler } from "../../engine/inference/scaling/scaler.ts";
import { systemClock } from "../../engine/kit/clock.ts";
import { createCluster } from "../../engine/kubernetes/client.ts";
import type { Cluster } from "../../engine/kubernetes/cluster.ts";
import { connectionFromKubeconfig } from "../../engine/kubernetes/connection.ts";
import { kinds } from "../../engine/kubernetes/kinds.ts";
import { gatewayRules } from "../../engine/manifests/gateway-access.ts";
import { createLog } from "../../engine/telemetry/log.ts";
import { createMetrics } from "../../engine/telemetry/metrics.ts";
import { describeCatalog } from "../conformance/catalog.ts";
import { endApiServer } from "../support/api-server.ts";
import { describeOnTestbed, startTestbed, type Testbed } from "../support/testbed.ts";

const fieldManager = "test";

/** A machine may be busy, and a Lease is renewed every few seconds; nothing here depends on how fast it is. */
const patience = { timeout: 40_000 };
vi.setConfig({ testTimeout: 150_000 });

function routeOf(input: ModelSpecInput): KubernetesObject {
  const spec = ModelSpec.parse(input);
  const name = `model-${spec.name}`;
  const route = {
    ...{ spec, service: name, port: 5000, startupBudgetSeconds: 30 },
    workload: { kind: "Deployment", name },
  };
  return {
    ...{ apiVersion: "v1", kind: "ConfigMap" },
    metadata: { name, labels: { [labels.model]: spec.name } },
    data: { "route.json": JSON.stringify(route) },
  };
}

function sliceOf(model: string, addresses: readonly string[]): KubernetesObject {
  const name = `model-${model}`;
  return {
    ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice" },
    metadata: { name: `${name}-1`, labels: { [serviceLabel]: name } },
    addressType: "IPv4",
    endpoints: addresses.map(address => ({
      addresses: [address.replace(/:.*/, "")],
      conditions: { ready: true, serving: true, terminating: false },
    })),
    ports: [{ name: "main", port: 5000, protocol: "TCP" }],
  };
}

function deploymentOf(model: string): KubernetesObject {
  const name = `model-${model}`;
  const app = { app: name };
  return {
    ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name } },
    spec: {
      ...{ replicas: 0, selector: { matchLabels: app } },
      template: { metadata: { labels: app }, spec: { containers: [{ name, image: "none:1" }] } },
    },
  };
}

describeOnTestbed("api", "a gateway on Kubernetes", () => {
  let testbed: Testbed;
  let admin: Cluster;
  const log: string[] = [];
  const telemetry = {
    log: createLog({
      ...{ level: "debug" as const, format: "json" as const, clock: systemClock },
      write: line => void log.push(line),
    }),
    metrics: createMetrics(),
  };

  beforeAll(async () => {
    testbed = await startTestbed("api");
    const text = readFileSync(testbed.kubeconfig, "utf8");
    admin = createCluster(connectionFromKubeconfig({ text, environment: {} }));
  });
  afterAll(async () => {
    admin?.close();
    await testbed?.stop();
  });

  const put = (namespace: string, object: KubernetesObject) =>
    admin.apply(
      { ...object, metadata: { ...object.metadata, namespace } },
      { fieldManager, force: true },
    );

  /** A client with a gateway's rights and no others. */
  async function asGateway(namespace: string): Promise<Cluster> {
    const rules = gatewayRules(Platform.parse({ namespace })) as KubernetesObject["rules"];
    const rbac = "rbac.authorization.k8s.io";
    const metadata = { name: "gateway" };
    await put(namespace, { apiVersion: "v1", kind: "ServiceAccount", metadata });
    await put(namespace, { apiVersion: `${rbac}/v1`, kind: "Role", metadata, rules });
    await put(namespace, {
      ...{ apiVersion: `${rbac}/v1`, kind: "RoleBinding", metadata },
      roleRef: { apiGroup: rbac, kind: "Role", name: "gateway" },
      subjects: [{ kind: "ServiceAccount", name: "gateway", namespace }],
    });
    const token = (await testbed.kubectl(["-n", namespace, "create", "token", "gateway"])).trim();
    const connection = connectionFromKubeconfig({
      text: readFileSync(testbed.kubeconfig, "utf8")
        .replace(/^ *client-(certificate|key)(-data)?:.*\n/gm, "")
        .replace(/^( *)user:\s*(\{\})?$/m, `$1user:\n$1  token: ${token}`),
      environment: {},
    });
    return createCluster(connection, { log: telemetry.log });
  }

  describeCatalog("kubernetes", async () => {
    const namespace = await testbed.createNamespace("catalog");
    const cluster = await asGateway(namespace);
    const woken: string[] = [];
    const catalog = createKubernetesCatalog({
      ...{ cluster, namespace, log: telemetry.log },
      onWake: model => void woken.push(model),
    });
    return {
      ...{ catalog, woken },
      async declare(spec, addresses) {
        if (addresses === undefined)
          await admin.remove({ kind: kinds.configMap, name: `model-${spec.name}`, namespace });
        else await put(namespace, routeOf(spec));
        await put(namespace, sliceOf(spec.name, addresses ?? []));
      },
      async close() {
        await catalog.close();
        cluster.close();
      },
    };
  });

  test("an API server that is away takes no model away, and what changed meanwhile is seen after", async () => {
    const namespace = await testbed.createNamespace("away");
    const catalog = createKubernetesCatalog({ cluster: admin, namespace, log: telemetry.log });
    const spec = { name: "one", source: "bundled:echo-tiny" };
    await put(namespace, routeOf(spec));
    await put(namespace, sliceOf("one", ["10.0.0.1"]));
    const urls = () => catalog.entries.get("one")?.workers.map(worker => worker.url);
    await vi.waitFor(() => expect(urls()).toEqual(["http://10.0.0.1:5000"]), patience);
    await endApiServer(testbed);
    await expect(admin.version()).rejects.toThrow();
    expect(urls()).toEqual(["http://10.0.0.1:5000"]);
    expect(catalog.status().ready).toBe(true);
    await vi.waitFor(() => put(namespace, sliceOf("one", ["10.0.0.2"])), {
      ...{ ...patience, interval: 200 },
    });
    await vi.waitFor(() => expect(urls()).toEqual(["http://10.0.0.2:5000"]), patience);
    await catalog.close();
  });

  test("two gateways: one leads, either wakes, both hear of a canary that was taken back, an idle model rests", async () => {
    const namespace = await testbed.createNamespace("scaling");
    await put(namespace, deploymentOf("one"));
    await put(
      namespace,
      routeOf({
        ...{ name: "one", source: "bundled:echo-tiny", replicas: { min: 0, max: 3 } },
        scaling: { idleSeconds: 1 },
      }),
    );
    const heard: string[] = [];
    const demands = [1, 2].map(() => new Map<string, ModelDemand>());
    const gateways = await Promise.all(
      demands.map(async (demand, index) => {
        const cluster = await asGateway(namespace);
        const catalog = createKubernetesCatalog({ cluster, namespace, log: telemetry.log });
        const scaler = createScaler({
          ...{ cluster, namespace, catalog, clock: systemClock, telemetry, mayLead: true },
          ...{ leaseName: "echorator-scaler", instance: `gateway-${index}` },
          demand: () => demand,
          onTakenBack: (model, trial) => void heard.push(`gateway-${index} ${model} ${trial}`),
        });
        return { cluster, catalog, scaler };
      }),
    );
    const scalers = gateways.map(gateway => gateway.scaler);
    const replicas = async () => {
      const found = await admin.get({ kind: kinds.deployment, name: "model-one", namespace });
      return (found?.spec as { replicas?: number } | undefined)?.replicas ?? 0;
    };
    await vi.waitFor(() => expect(scalers.filter(leads)).toHaveLength(1), patience);
    const follower = scalers.findIndex(scaler => !leads(scaler));

    await vi.waitFor(
      () => expect(gateways[follower]?.catalog.entries.has("one")).toBe(true),
      patience,
    );
    const used = { queueSeconds: 0, tokensWaiting: 0, firstTokenSeconds: undefined };
    demands[follower]?.set("one", { ...used, held: 1, running: 0, lastUsedMs: Date.now() });
    const startedMs = performance.now();
    scalers[follower]?.wake("one");
    await vi.waitFor(async () => expect(await replicas()).toBe(1), patience);
    process.stdout.write(`woken after ${Math.round(performance.now() - startedMs)} ms\n`);

    scalers[follower]?.tellTakenBack("one", "trial-1", "it was slow");
    await vi.waitFor(
      () =>
        expect(new Set(heard)).toEqual(new Set(["gateway-0 one trial-1", "gateway-1 one trial-1"])),
      patience,
    );
    // Nobody uses it any more.
    demands[follower]?.set("one", { ...used, held: 0, running: 0, lastUsedMs: Date.now() });
    await vi.waitFor(async () => expect(await replicas()).toBe(0), patience);

    const leader = 1 - follower;
    await scalers[leader]?.close();
    await vi.waitFor(() => expect(scalers[follower]?.leads()).toBe(true), patience);
    await scalers[follower]?.close();
    for (const { catalog, cluster } of gateways) {
      await catalog.close();
      cluster.close();
    }
    const refused = log.filter(line => line.includes("orbidden"));
    expect(refused).toEqual([]);
  });
});

function leads(scaler: Scaler): boolean {
  return scaler.leads();
}
