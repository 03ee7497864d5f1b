/** The operator against a real API server: pods stay Pending there, so their life is written by hand. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type KubernetesObject, modelResource } from "../../engine/contract/kubernetes.ts";
import type { ModelSpecInput } from "../../engine/contract/model.ts";
import type { Condition } from "../../engine/contract/model-status.ts";
import { Platform, type PlatformInput } from "../../engine/contract/platform.ts";
import { systemClock } from "../../engine/kit/clock.ts";
import { createCluster } from "../../engine/kubernetes/client.ts";
import type { Cluster } from "../../engine/kubernetes/cluster.ts";
import { connectionFromKubeconfig } from "../../engine/kubernetes/connection.ts";
import { kinds } from "../../engine/kubernetes/kinds.ts";
import { planModelCrd } from "../../engine/manifests/model-crd.ts";
import { createModelFactsReader } from "../../engine/models/facts.ts";
import type { ModelStatusFields } from "../../engine/operator/model-status.ts";
import { createOperator, type Operator } from "../../engine/operator/operator.ts";
import { createMetrics } from "../../engine/telemetry/metrics.ts";
import { endApiServer } from "../support/api-server.ts";
import { createKeptLog } from "../support/kept-log.ts";
import { describeOnTestbed, startTestbed, type Testbed } from "../support/testbed.ts";

const bundledFolder = fileURLToPath(new URL("../../engine/models/bundled", import.meta.url));

describeOnTestbed("api", "the operator", () => {
  let testbed: Testbed;
  let cluster: Cluster;
  let namespace: string;
  const kept = createKeptLog();
  const operators: { operator: Operator; cluster: Cluster }[] = [];

  beforeAll(async () => {
    testbed = await startTestbed("api");
    cluster = connect();
    await testbed.kubectl(["apply", "--server-side", "-f", "-"], JSON.stringify(planModelCrd()));
    await testbed.kubectl([
      "wait",
      "--for=condition=Established",
      `crd/${modelResource.plural}.${modelResource.group}`,
    ]);
  });
  afterEach(async () => {
    for (const { operator, cluster: own } of operators.splice(0)) {
      await operator.close();
      own.close();
    }
  });
  afterAll(async () => {
    if (process.env.DEBUG_OPERATOR) process.stderr.write(kept.lines.join(""));
    cluster?.close();
    await testbed?.stop();
  });

  function connect(): Cluster {
    const text = readFileSync(testbed.kubeconfig, "utf8");
    return createCluster(connectionFromKubeconfig({ text, environment: {} }));
  }

  async function begin(platform: PlatformInput = {}, identity = "one"): Promise<Operator> {
    namespace = platform.namespace ?? (await testbed.createNamespace("operator"));
    const own = connect();
    const operator = createOperator({
      cluster: own,
      platform: Platform.parse({ ...platform, namespace }),
      factsReader: createModelFactsReader({
        bundledFolder,
        hub: { endpoint: "https://huggingface.co", token: undefined },
        guard: "public",
      }),
      version: "0.0.0",
      clock: systemClock,
      log: kept.log,
      metrics: createMetrics(),
      identity,
    });
    operators.push({ operator, cluster: own });
    return operator;
  }

  type Spec = Omit<ModelSpecInput, "name">;

  function write(name: string, spec: Spec): Promise<KubernetesObject> {
    const { apiVersion, kind } = modelResource;
    const object = { apiVersion, kind, metadata: { name, namespace }, spec };
    return cluster.apply(object as unknown as KubernetesObject, { fieldManager: "test" });
  }

  const refOf = (kind: (typeof kinds)[keyof typeof kinds], name: string) => ({
    kind,
    name,
    namespace,
  });

  async function statusOf(name: string): Promise<ModelStatusFields> {
    const model = await cluster.get(refOf(kinds.model, name));
    return (model?.status ?? {}) as ModelStatusFields;
  }

  const within = { timeout: 20_000, interval: 50 };

  async function conditionsOf(name: string): Promise<Record<string, string>> {
    const { conditions = [] } = await statusOf(name);
    return Object.fromEntries(
      conditions.map(({ type, status, reason }: Condition) => [type, `${status} ${reason}`]),
    );
  }

  function untilConditions(name: string, wanted: Record<string, unknown>) {
    return expect.poll(() => conditionsOf(name), within).toEqual(wanted);
  }

  function untilCondition(name: string, type: string, wanted: unknown) {
    return expect.poll(async () => (await conditionsOf(name))[type], within).toEqual(wanted);
  }

  const bundled: Spec = { source: "bundled:echo-tiny" };

  test("makes the objects of a model, mends them, and they go with it", async () => {
    await begin();
    await write("echo", bundled);
    await untilCondition("echo", "Reconciling", "True Progressing");
    const names = async (kind: (typeof kinds)[keyof typeof kinds]) =>
      (await cluster.list(kind, { namespace, labels: "echorator.dev/model=echo" })).map(
        ({ metadata }) => metadata.name,
      );
    const made = [
      kinds.serviceAccount,
      kinds.configMap,
      kinds.networkPolicy,
      kinds.podDisruptionBudget,
      kinds.service,
      kinds.deployment,
    ];
    for (const kind of made) expect(await names(kind)).toEqual(["model-echo"]);
    const status = await statusOf("echo");
    expect(status).toMatchObject({
      observedGeneration: expect.any(Number),
      desiredReplicas: 1,
      prediction: { memoryBytes: expect.any(Number) },
      facts: { architecture: "llama" },
      selector: expect.stringContaining("echorator.dev/model=echo"),
      endpoint: `http://echorator.${namespace}.svc:5000`,
    });

    // Drift: what others change or remove comes back.
    await cluster.merge(refOf(kinds.configMap, "model-echo"), { data: { "route.json": "{}" } });
    await cluster.remove(refOf(kinds.service, "model-echo"));
    await cluster.merge(refOf(kinds.networkPolicy, "model-echo"), {
      metadata: { labels: { "app.kubernetes.io/part-of": "others" } },
    });
    await cluster.merge(refOf(kinds.deployment, "model-echo"), {
      spec: { template: { spec: { serviceAccountName: "default" } } },
    });
    await expect
      .poll(async () => {
        const configMap = await cluster.get(refOf(kinds.configMap, "model-echo"));
        const deployment = await cluster.get(refOf(kinds.deployment, "model-echo"));
        const policy = await cluster.get(refOf(kinds.networkPolicy, "model-echo"));
        return [
          (configMap?.data as Record<string, string>)["route.json"]?.includes("echo-tiny"),
          (await names(kinds.service)).length,
          policy?.metadata.labels?.["app.kubernetes.io/part-of"],
          JSON.stringify(deployment?.spec).includes('"serviceAccountName":"model-echo"'),
        ];
      }, within)
      .toEqual([true, 1, "echorator", true]);

    // What is planned no longer goes.
    await write("echo", {
      ...bundled,
      canary: { source: "bundled:echo-tiny", sha256: "0".repeat(64), weight: 10 },
    });
    await expect
      .poll(() => names(kinds.deployment), within)
      .toEqual(["model-echo", "model-echo-canary"]);
    await write("echo", bundled);
    await expect.poll(() => names(kinds.deployment), within).toEqual(["model-echo"]);
    expect(await names(kinds.service)).toEqual(["model-echo"]);

    await cluster.remove(refOf(kinds.model, "echo"));
    await expect.poll(async () => (await Promise.all(made.map(names))).flat(), within).toEqual([]);
  });
});
