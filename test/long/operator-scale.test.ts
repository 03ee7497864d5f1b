/** A thousand models, about ten thousand objects: how long until all is so, and what the operator takes for it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type KubernetesObject, modelResource } from "../../engine/contract/kubernetes.ts";
import { createCluster } from "../../engine/kubernetes/client.ts";
import type { Cluster } from "../../engine/kubernetes/cluster.ts";
import { connectionFromKubeconfig } from "../../engine/kubernetes/connection.ts";
import { kinds } from "../../engine/kubernetes/kinds.ts";
import { planModelCrd } from "../../engine/manifests/model-crd.ts";
import type { ModelStatusFields } from "../../engine/operator/model-status.ts";
import { describeOnTestbed, startTestbed, type Testbed } from "../support/testbed.ts";

const operatorMain = fileURLToPath(new URL("../support/operator-main.ts", import.meta.url));
const count = Number(process.env.ECHO_SCALE_MODELS ?? 1_000);
const minutesMax = 3;
const megabytesMax = 300;

describeOnTestbed("api", "the operator at scale", () => {
  let testbed: Testbed;
  let cluster: Cluster;
  let namespace: string;

  beforeAll(async () => {
    testbed = await startTestbed("api");
    const text = readFileSync(testbed.kubeconfig, "utf8");
    cluster = createCluster(connectionFromKubeconfig({ text, environment: {} }));
    await cluster.apply(planModelCrd(), { fieldManager: "test" });
    const served = () =>
      cluster.list(kinds.model).then(
        () => true,
        () => false,
      );
    while (!(await served()));
    namespace = await testbed.createNamespace("scale");
  });
  afterAll(async () => {
    cluster?.close();
    await testbed?.stop();
  });

  function peakMegabytes(id: number): number {
    const status = readFileSync(`/proc/${id}/status`, "utf8");
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  }

  test(`${count} models`, async () => {
    const { apiVersion, kind } = modelResource;
    const names = Array.from({ length: count }, (_, index) => `m${index}`);
    const startedMs = performance.now();
    const operator = spawn(
      process.execPath,
      [operatorMain, testbed.kubeconfig, namespace, "pod-0"],
      {
        stdio: ["ignore", "ignore", "inherit"],
      },
    );
    try {
      const done = new Set<string>();
      const informer = cluster.inform(kinds.model, { namespace }, ({ object }) => {
        const { observedGeneration, desiredReplicas } = (object.status ?? {}) as ModelStatusFields;
        const isSo = observedGeneration === object.metadata.generation && desiredReplicas === 1;
        if (isSo) done.add(object.metadata.name);
        else done.delete(object.metadata.name);
      });
      const waiting = [...names];
      const writers = Array.from({ length: 8 }, async () => {
        for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
          const object = {
            apiVersion,
            kind,
            metadata: { name, namespace },
            spec: { source: "bundled:echo-tiny" },
          };
          await cluster.apply(object as unknown as KubernetesObject, { fieldManager: "test" });
        }
      });
      await Promise.all(writers);
      await expect.poll(() => done.size, { timeout: 1_800_000, interval: 200 }).toBe(count);
      const minutes = (performance.now() - startedMs) / 60_000;
      const megabytes = peakMegabytes(operator.pid ?? 0);
      informer.close();
      const owned = [
        kinds.configMap,
        kinds.serviceAccount,
        kinds.service,
        kinds.networkPolicy,
        kinds.podDisruptionBudget,
        kinds.deployment,
        kinds.replicaSet,
        kinds.endpointSlice,
        kinds.pod,
      ];
      let objects = count;
      for (const one of owned)
        objects += (await cluster.list(one, { namespace, labels: "echorator.dev/model" })).length;
      process.stdout.write(
        `${count} models, ${objects} objects: ${minutes.toFixed(2)} minutes, operator at most ${megabytes.toFixed(0)} MB\n`,
      );
      expect(megabytes).toBeLessThanOrEqual(megabytesMax);
      // Two cores that do nothing else; elsewhere the figure above is what counts.
      if (process.env.ECHO_SCALE_BARS === "1") expect(minutes).toBeLessThanOrEqual(minutesMax);
    } finally {
      operator.kill("SIGKILL");
      await once(operator, "exit");
    }
  });
});
