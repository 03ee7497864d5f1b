/** engine/kubernetes against a real API server: every verb, refusals, and a watch over the server's death. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import type { KubernetesObject } from "../../engine/contract/kubernetes.ts";
import { createCluster } from "../../engine/kubernetes/client.ts";
import type { Cluster, WatchEvent } from "../../engine/kubernetes/cluster.ts";
import { connectionFromKubeconfig } from "../../engine/kubernetes/connection.ts";
import { kinds } from "../../engine/kubernetes/kinds.ts";
import { endApiServer } from "../support/api-server.ts";
import { createRelay } from "../support/relay.ts";
import { describeOnTestbed, startTestbed, type Testbed } from "../support/testbed.ts";

const fieldManager = "test";

describeOnTestbed("api", "the Kubernetes client", () => {
  let testbed: Testbed;
  let cluster: Cluster;
  let namespace: string;

  beforeAll(async () => {
    testbed = await startTestbed("api");
    cluster = open(readFileSync(testbed.kubeconfig, "utf8"));
    namespace = await testbed.createNamespace("client");
  });
  afterAll(async () => {
    cluster?.close();
    await testbed?.stop();
  });

  function open(text: string): Cluster {
    return createCluster(connectionFromKubeconfig({ text, environment: {} }));
  }

  function configMap(name: string, data: Record<string, string>): KubernetesObject {
    return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data };
  }

  const ref = (name: string) => ({ kind: kinds.configMap, name, namespace });

  test("applies, reads, lists, merges and removes", async () => {
    const labels = { room: "client" };
    const wanted = configMap("one", { a: "1" });
    const dry = await cluster.apply(wanted, { fieldManager, dryRun: true });
    expect(dry.metadata.uid).toBeDefined();
    expect(await cluster.get(ref("one"))).toBeUndefined();

    const made = await cluster.apply(
      { ...wanted, metadata: { ...wanted.metadata, labels } },
      { fieldManager },
    );
    expect(made).toMatchObject({ kind: "ConfigMap", data: { a: "1" } });
    expect(made.metadata).not.toHaveProperty("managedFields");
    expect(await cluster.get(ref("one"))).toEqual(made);

    const merged = await cluster.merge(ref("one"), { data: { b: "2" } });
    expect(merged.data).toEqual({ a: "1", b: "2" });
    const listed = await cluster.list(kinds.configMap, { namespace, labels: "room=client" });
    expect(listed).toEqual([merged]);
    expect(await cluster.list(kinds.configMap, { fields: "metadata.name=one" })).toEqual([merged]);

    expect(await cluster.remove(ref("one"))).toBe(true);
    expect(await cluster.remove(ref("one"))).toBe(false);
    expect(await cluster.get(ref("one"))).toBeUndefined();
  });

  test("says in the API's own words what was refused", async () => {
    await cluster.create(configMap("two", {}));
    await expect(cluster.create(configMap("two", {}))).rejects.toMatchObject({
      code: "kubernetes_failed",
      apiStatus: 409,
      apiReason: "AlreadyExists",
    });
    await expect(
      cluster.merge(ref("two"), { metadata: { resourceVersion: "1" }, data: { a: "1" } }),
    ).rejects.toMatchObject({ apiStatus: 409, apiReason: "Conflict" });
    await cluster.apply(configMap("two", { a: "1" }), { fieldManager });
    await expect(
      cluster.apply(configMap("two", { a: "2" }), { fieldManager: "other" }),
    ).rejects.toMatchObject({ apiReason: "Conflict" });
    const taken = await cluster.apply(configMap("two", { a: "2" }), {
      fieldManager: "other",
      force: true,
    });
    expect(taken.data).toEqual({ a: "2" });
    await expect(
      cluster.apply({ ...configMap("three", {}), daat: {} }, { fieldManager }),
    ).rejects.toMatchObject({
      code: "kubernetes_failed",
      message: expect.stringContaining("daat"),
    });
    const service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "s", namespace },
      spec: { ports: [{ port: 70_000 }] },
    };
    await expect(cluster.apply(service, { fieldManager })).rejects.toMatchObject({
      apiReason: "Invalid",
      field: "spec.ports[0].port",
    });
    await expect(
      cluster.list({ ...kinds.pod, apiVersion: "nobody.example/v1" }),
    ).rejects.toMatchObject({ apiStatus: 404 });
  });

  test("writes subresources", async () => {
    const labels = { app: "scaled" };
    const deployment = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "scaled", namespace },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: "a", image: "b" }] } },
      },
    };
    await cluster.apply(deployment, { fieldManager });
    const target = { kind: kinds.deployment, name: "scaled", namespace };
    await cluster.merge(target, { spec: { replicas: 3 } }, { subresource: "scale" });
    expect((await cluster.get(target))?.spec).toMatchObject({ replicas: 3 });
    // Who applies without the field leaves the count alone.
    const again = await cluster.apply(deployment, { fieldManager });
    expect(again.spec).toMatchObject({ replicas: 3 });
    await cluster.remove(target, { propagation: "Foreground" });
  });

  test("knows what is served", async () => {
    const apis = await cluster.apis();
    expect([...apis]).toEqual(
      expect.arrayContaining([
        "v1/Pod",
        "apps/v1/Deployment",
        "autoscaling/v2/HorizontalPodAutoscaler",
      ]),
    );
    expect(await cluster.version()).toMatch(/^v1\.\d+/);
    const reply = await cluster.request(
      { method: "GET", path: "/nowhere" },
      AbortSignal.timeout(5_000),
    );
    expect(reply.status).toBe(404);
  });

  test("a log that cannot be had is an error, and one that is given up just ends", async () => {
    const labels = { app: "pending" };
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "pending", namespace, labels },
      spec: { containers: [{ name: "a", image: "b" }] },
    };
    await testbed.kubectl(["-n", namespace, "create", "sa", "default"]).catch(() => undefined);
    await cluster.create(pod);
    const read = async (signal: AbortSignal) => {
      for await (const _ of cluster.logs({ namespace, name: "pending" }, {}, signal));
    };
    await expect(read(AbortSignal.timeout(5_000)).then(() => "ended")).resolves.toBe("ended");
    await expect(
      (async () => {
        for await (const _ of cluster.logs(
          { namespace, name: "nobody" },
          {},
          AbortSignal.timeout(5_000),
        ));
      })(),
    ).rejects.toMatchObject({ apiStatus: 404 });
  });

  test("whoever lacks a right is told which", async () => {
    const { directory } = testbed;
    if (directory === undefined) return;
    await testbed.kubectl(["-n", namespace, "create", "serviceaccount", "reader"]);
    const token = (await testbed.kubectl(["-n", namespace, "create", "token", "reader"])).trim();
    const config = parse(readFileSync(testbed.kubeconfig, "utf8"));
    config.users[0].user = { token };
    const reader = open(JSON.stringify(config));
    try {
      await expect(reader.list(kinds.secret, { namespace })).rejects.toMatchObject({
        code: "kubernetes_failed",
        apiStatus: 403,
        apiReason: "Forbidden",
        message: expect.stringContaining("cannot list resource"),
      });
      config.users[0].user = { token: "wrong" };
      const stranger = open(JSON.stringify(config));
      await expect(stranger.list(kinds.secret)).rejects.toMatchObject({ apiStatus: 401 });
      stranger.close();
    } finally {
      reader.close();
    }
  });

  test("lists more than a page", async () => {
    const names = Array.from({ length: 260 }, (_, index) => `many-${index}`);
    await Promise.all(names.map(name => cluster.create(configMap(name, {}))));
    const listed = await cluster.list(kinds.configMap, { namespace });
    expect(listed.map(object => object.metadata.name)).toEqual(expect.arrayContaining(names));
  });

  test("a watch misses nothing when the API server is killed in the middle of it", async () => {
    if (testbed.directory === undefined) return;
    const events: string[] = [];
    const informer = cluster.inform(kinds.configMap, { namespace, labels: "watched" }, event =>
      events.push(said(event)),
    );
    await informer.synced();
    const make = (name: string) => {
      const object = configMap(name, { a: "1" });
      object.metadata.labels = { watched: "" };
      return cluster.apply(object, { fieldManager });
    };
    await make("before");
    await expect.poll(() => events).toEqual(["added before"]);

    await endApiServer(testbed);
    // The first request that gets through is behind what the watch has seen.
    await expect
      .poll(
        () =>
          make("after").then(
            () => "made",
            () => "not yet",
          ),
        { timeout: 30_000 },
      )
      .toBe("made");
    await cluster.remove(ref("before"));
    await cluster.merge(ref("after"), { data: { a: "2" } });
    await expect
      .poll(() => events, { timeout: 30_000 })
      .toEqual(["added before", "added after", "deleted before", "modified after"]);
    expect([...informer.objects.keys()]).toEqual([`${namespace}/after`]);
    expect(informer.objects.get(`${namespace}/after`)?.data).toEqual({ a: "2" });
    informer.close();
  });

  test("what happened while nobody could look is told as the difference", async () => {
    if (testbed.directory === undefined) return;
    const events: string[] = [];
    const { text, relay } = await throughRelay();
    const watching = open(text);
    const informer = watching.inform(kinds.configMap, { namespace, labels: "gap" }, event =>
      events.push(said(event)),
    );
    const make = (name: string, data = {}) => {
      const object = configMap(name, data);
      object.metadata.labels = { gap: "" };
      return cluster.apply(object, { fieldManager });
    };
    await make("stays");
    await make("goes");
    await make("again");
    await informer.synced();
    await expect.poll(() => events.length).toBe(3);
    events.length = 0;
    relay.cut();
    await cluster.remove(ref("goes"));
    await cluster.remove(ref("again"));
    await make("again");
    await make("new");
    relay.mend();
    await expect
      .poll(() => [...events].sort(), { timeout: 30_000 })
      .toEqual(["added again", "added new", "deleted again", "deleted goes"]);
    watching.close();
    relay.close();
  });

  async function throughRelay() {
    const config = parse(readFileSync(testbed.kubeconfig, "utf8"));
    const server = new URL(config.clusters[0].cluster.server);
    const relay = await createRelay(server.hostname, Number(server.port));
    config.clusters[0].cluster.server = `https://127.0.0.1:${relay.port}`;
    return { text: JSON.stringify(config), relay };
  }
});

function said({ type, object }: WatchEvent): string {
  return `${type} ${object.metadata.name}`;
}
