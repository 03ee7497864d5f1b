/** The operator against a real API server: pods stay Pending there, so their life is written by hand. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
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
import { planOperator } from "../../engine/manifests/operator.ts";
import { createModelFactsReader } from "../../engine/models/facts.ts";
import type { ModelStatusFields } from "../../engine/operator/model-status.ts";
import { createOperator, type Operator } from "../../engine/operator/operator.ts";
import { createMetrics } from "../../engine/telemetry/metrics.ts";
import { endApiServer } from "../support/api-server.ts";
import { createKeptLog } from "../support/kept-log.ts";
import { describeOnTestbed, startTestbed, type Testbed } from "../support/testbed.ts";

const within = { timeout: 20_000, interval: 50 };
const bundledFolder = fileURLToPath(new URL("../../engine/models/bundled", import.meta.url));

const operatorMain = fileURLToPath(new URL("../support/operator-main.ts", import.meta.url));

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
    const served = () =>
      cluster.list(kinds.model).then(
        () => true,
        () => false,
      );
    while (!(await served()));
  });
  afterEach(async () => {
    for (const { operator, cluster: own } of operators.splice(0)) {
      await operator.close();
      own.close();
    }
  });
  afterAll(async () => {
    cluster?.close();
    await testbed?.stop();
  });

  function connect(): Cluster {
    const text = readFileSync(testbed.kubeconfig, "utf8");
    return createCluster(connectionFromKubeconfig({ text, environment: {} }));
  }

  /** With the rights that the plan gives it, and no others. */
  async function connectAsOperator(platform: Platform): Promise<Cluster> {
    const plan = planOperator({ platform, version: "0.0.0", managedBy: "test" });
    const items = plan.filter(({ kind }) => kind !== "Deployment");
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items });
    await testbed.kubectl(["apply", "--server-side", "-f", "-"], list);
    const token = await testbed.kubectl(["-n", namespace, "create", "token", "echorator-operator"]);
    const config = parse(readFileSync(testbed.kubeconfig, "utf8"));
    config.users = config.users.map(({ name }: { name: string }) => ({
      name,
      user: { token: token.trim() },
    }));
    const text = JSON.stringify(config);
    return createCluster(connectionFromKubeconfig({ text, environment: {} }));
  }

  async function begin(platform: PlatformInput = {}, identity = "one"): Promise<Operator> {
    namespace = platform.namespace ?? (await testbed.createNamespace("operator"));
    const facts = Platform.parse({ ...platform, namespace });
    const own = await connectAsOperator(facts);
    const operator = createOperator({
      cluster: own,
      platform: facts,
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

  test("makes the objects of a model, mends them, and removes what is planned no longer", async () => {
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
          (configMap?.data as Record<string, string> | undefined)?.["route.json"]?.includes(
            "echo-tiny",
          ),
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
  });

  /** A pod's status as a kubelet would write it. */
  async function setPods(model: string, status: object): Promise<void> {
    const pods = await cluster.list(kinds.pod, {
      namespace,
      labels: `echorator.dev/model=${model}`,
    });
    for (const { metadata } of pods)
      await cluster.merge(refOf(kinds.pod, metadata.name), { status }, { subresource: "status" });
  }

  async function untilPods(model: string, count: number): Promise<void> {
    const pods = () =>
      cluster.list(kinds.pod, { namespace, labels: `echorator.dev/model=${model}` });
    await expect.poll(async () => (await pods()).length, within).toBe(count);
  }

  const scheduled = { type: "PodScheduled", status: "True" };
  const container = { name: "engine", image: "i", imageID: "", ready: false, restartCount: 0 };
  const now = new Date().toISOString();
  const ready = {
    phase: "Running",
    conditions: [
      scheduled,
      { type: "Ready", status: "True", lastTransitionTime: now },
      { type: "ContainersReady", status: "True" },
    ],
    containerStatuses: [
      { ...container, ready: true, started: true, state: { running: { startedAt: now } } },
    ],
  };

  test("conditions follow the life of the pods", async () => {
    await begin();
    await write("life", bundled);
    await untilPods("life", 1);
    await untilConditions("life", {
      Ready: "False Progressing",
      Reconciling: "True Progressing",
      Scheduled: "False Progressing",
      Loaded: "False Progressing",
      Routed: "False NoGateway",
    });
    await setPods("life", {
      conditions: [
        {
          type: "PodScheduled",
          status: "False",
          reason: "Unschedulable",
          message: "0/3 nodes are available: 3 Insufficient memory.",
        },
      ],
    });
    await untilCondition("life", "Reconciling", "True Unschedulable");
    await untilCondition("life", "Scheduled", "False Unschedulable");
    await setPods("life", {
      conditions: [scheduled],
      containerStatuses: [
        { ...container, state: { waiting: { reason: "ImagePullBackOff", message: "not found" } } },
      ],
    });
    await untilCondition("life", "Stalled", "True ImageUnavailable");
    expect(await statusOf("life")).toMatchObject({ phase: "Failed" });
    await setPods("life", {
      containerStatuses: [
        {
          ...container,
          restartCount: 3,
          state: { waiting: { reason: "CrashLoopBackOff" } },
          lastState: {
            terminated: { reason: "OOMKilled", exitCode: 137, startedAt: now, finishedAt: now },
          },
        },
      ],
    });
    await untilCondition("life", "Stalled", "True OutOfMemory");
    await setPods("life", ready);
    await untilConditions("life", {
      Ready: "True Serving",
      Scheduled: "True Scheduled",
      Loaded: "True Loaded",
      Routed: "False NoGateway",
    });
    expect(await statusOf("life")).toMatchObject({ phase: "Ready", replicas: 1, readyReplicas: 1 });

    const endpoints = {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: "gateway",
        namespace,
        labels: { "kubernetes.io/service-name": "echorator" },
      },
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: true } }],
      ports: [],
    };
    await cluster.create(endpoints);
    await untilCondition("life", "Routed", "True Routed");

    const reasons = async () =>
      (await cluster.list(kinds.event, { namespace }))
        .filter(({ involvedObject }) => (involvedObject as { kind: string }).kind === "Model")
        .map(({ reason }) => reason);
    await expect
      .poll(reasons, within)
      .toEqual(
        expect.arrayContaining(["Unschedulable", "ImageUnavailable", "OutOfMemory", "Serving"]),
      );
  });

  test("what cannot be says so, and goes on when it is mended", async () => {
    await begin({ profiles: { small: { memory: "64Mi" } } });
    await write("large", { ...bundled, profile: "small" });
    await write("nameless", { ...bundled, profile: "none-such" });
    await untilCondition("large", "Stalled", "True DoesNotFit");
    await untilCondition("nameless", "Stalled", "True InvalidSpec");
    expect(await cluster.list(kinds.deployment, { namespace })).toEqual([]);
    await write("large", bundled);
    await untilCondition("large", "Reconciling", "True Progressing");

    await write("first", { ...bundled, aliases: ["llama3.2:1b"] });
    await untilCondition("first", "Reconciling", "True Progressing");
    await write("second", { ...bundled, aliases: ["llama3.2:1b"] });
    await untilCondition("second", "Stalled", "True NameConflict");
    await cluster.remove(refOf(kinds.model, "first"));
    await untilCondition("second", "Reconciling", "True Progressing");

    await write("secret", { source: "hf:a/b/c.gguf", sourceSecret: { name: "missing" } });
    await untilCondition(
      "secret",
      "Reconciling",
      expect.stringMatching(/SecretMissing|Progressing/),
    );
    await write("inner", { source: "https://169.254.169.254/latest/meta-data" });
    await untilCondition("inner", "Stalled", "True SourceRefused");
  });

  test("a model that a stack has already is left to the stack, and can be removed without harm", async () => {
    await begin();
    const declared = { apiVersion: "v1", kind: "ConfigMap" };
    const metadata = { namespace, labels: { "app.kubernetes.io/managed-by": "echorator-stack" } };
    const account = { apiVersion: "v1", kind: "ServiceAccount" };
    for (const kind of [account, declared])
      await cluster.apply(
        { ...kind, metadata: { ...metadata, name: "model-shared" } },
        { fieldManager: "stack" },
      );
    await write("shared", bundled);
    await expect
      .poll(async () => JSON.stringify(await statusOf("shared")), within)
      .toContain("NameConflict");
    const left = await cluster.get(refOf(kinds.configMap, "model-shared"));
    expect(left?.metadata.ownerReferences).toBeUndefined();
    expect(left?.metadata.labels).toEqual(metadata.labels);
    expect(await cluster.get(refOf(kinds.deployment, "model-shared"))).toBeUndefined();
  });

  test("a server of others needs a route and nothing else", async () => {
    await begin();
    await write("others", { source: "openai:https://api.example.org/v1#gpt" });
    await untilConditions("others", {
      Ready: "False NoGateway",
      Reconciling: "True NoGateway",
      Routed: "False NoGateway",
    });
    expect(await cluster.list(kinds.deployment, { namespace })).toEqual([]);
  });

  test("scales by the scale subresource, within the range, and drops no pod on the way", async () => {
    await begin();
    await write("wide", { ...bundled, replicas: { min: 3, max: 3 } });
    const replicas = async () => {
      const deployment = await cluster.get(refOf(kinds.deployment, "model-wide"));
      return (deployment?.spec as { replicas?: number } | undefined)?.replicas;
    };
    const current = async () => {
      const model = await cluster.get(refOf(kinds.model, "wide"));
      return (model?.spec as { replicas?: { current?: number } } | undefined)?.replicas?.current;
    };
    await expect.poll(replicas, within).toBe(3);
    await untilPods("wide", 3);
    await expect.poll(current, within).toBe(3);

    // From a declared number to a scaler's: whoever watches sees no other number in between.
    const numbers = new Set<unknown>();
    const informer = cluster.inform(kinds.deployment, { namespace }, ({ object }) => {
      numbers.add((object.spec as { replicas?: number }).replicas);
    });
    await informer.synced();
    await write("wide", { ...bundled, replicas: { min: 0, max: 5 } });
    const scale = (count: number) =>
      testbed.kubectl(["-n", namespace, "scale", "emodel/wide", `--replicas=${count}`]);
    await expect
      .poll(async () => (await statusOf("wide")).observedGeneration, within)
      .toBe((await cluster.get(refOf(kinds.model, "wide")))?.metadata.generation);
    expect(await replicas()).toBe(3);
    await scale(4);
    await expect.poll(replicas, within).toBe(4);
    await expect.poll(() => [...numbers], within).toEqual([3, 4]);
    informer.close();

    // What the gateways' scaler sets shows in the Model, and stays.
    await cluster.merge(
      refOf(kinds.deployment, "model-wide"),
      { spec: { replicas: 0 } },
      { subresource: "scale" },
    );
    await expect.poll(current, within).toBe(0);
    expect(await replicas()).toBe(0);
    await untilCondition("wide", "Ready", "True Idle");
    await scale(9);
    await expect.poll(replicas, within).toBe(5);
    await expect.poll(current, within).toBe(5);
  });

  test("two at once: one acts, and the other when it is gone", async () => {
    const first = await begin({}, "one");
    await expect.poll(() => first.leads(), within).toBe(true);
    const second = await begin({ namespace }, "two");
    await write("shared", bundled);
    await untilCondition("shared", "Reconciling", "True Progressing");
    expect([first.leads(), second.leads()]).toEqual([true, false]);
    await first.close();
    await expect.poll(() => second.leads(), within).toBe(true);
    await cluster.remove(refOf(kinds.service, "model-shared"));
    await expect
      .poll(() => cluster.get(refOf(kinds.service, "model-shared")).then(Boolean), within)
      .toBe(true);
  });

  test("goes on when the API server was killed", async () => {
    if (testbed.directory === undefined) return;
    await begin();
    await write("before", bundled);
    await untilCondition("before", "Reconciling", "True Progressing");
    await endApiServer(testbed);
    const again = () =>
      write("after", bundled).then(
        () => true,
        () => false,
      );
    await expect.poll(again, { timeout: 30_000 }).toBe(true);
    await cluster.remove(refOf(kinds.service, "model-before"));
    await expect
      .poll(() => cluster.get(refOf(kinds.service, "model-before")).then(Boolean), {
        timeout: 30_000,
      })
      .toBe(true);
    await expect
      .poll(() => cluster.get(refOf(kinds.deployment, "model-after")).then(Boolean), within)
      .toBe(true);
  });

  test("one that was killed in the middle is gone on with", async () => {
    namespace = await testbed.createNamespace("operator");
    const names = Array.from({ length: 20 }, (_, index) => `m${index}`);
    const deployments = async () =>
      (await cluster.list(kinds.deployment, { namespace })).map(({ metadata }) => metadata.name);
    const start = () => {
      const args = [operatorMain, testbed.kubeconfig, namespace, "pod-0"];
      return spawn(process.execPath, args, { stdio: "ignore" });
    };
    await Promise.all(names.map(name => write(name, bundled)));
    const first = start();
    await expect.poll(async () => (await deployments()).length, within).toBeGreaterThan(0);
    first.kill("SIGKILL");
    await once(first, "exit");
    const second = start();
    try {
      for (const name of names) await untilCondition(name, "Reconciling", "True Progressing");
      expect((await deployments()).sort()).toEqual(names.map(name => `model-${name}`).sort());
    } finally {
      second.kill("SIGKILL");
      await once(second, "exit");
    }
  });

  test("the objects of a model that is removed go with it", async () => {
    await begin();
    await write("gone", bundled);
    await untilCondition("gone", "Reconciling", "True Progressing");
    await cluster.remove(refOf(kinds.model, "gone"));
    const owned = [
      kinds.serviceAccount,
      kinds.configMap,
      kinds.service,
      kinds.deployment,
      kinds.pod,
    ];
    const left = owned.map(kind => async () => {
      const labels = "echorator.dev/model=gone";
      return (await cluster.list(kind, { namespace, labels })).length;
    });
    // The collector learns of a new kind of owner only after half a minute.
    for (const count of left) await expect.poll(count, { timeout: 60_000 }).toBe(0);
  });
});
