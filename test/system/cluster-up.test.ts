/** A cluster's stack goes up on a real API server, changes in place, and goes down to its memory. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCluster } from "../../engine/kubernetes/client.ts";
import type { Cluster } from "../../engine/kubernetes/cluster.ts";
import { connectionFromKubeconfig } from "../../engine/kubernetes/connection.ts";
import { createApiProvider } from "../support/api-provider.ts";
import { readTrackedValues } from "../support/cluster-stack.ts";
import { projectRoot } from "../support/copy.ts";
import { createStackHarness } from "../support/stack-harness.ts";
import { describeOnTestbed, startTestbed, type Testbed } from "../support/testbed.ts";

describeOnTestbed("api", "a cluster's stack", () => {
  let testbed: Testbed;
  let cluster: Cluster;

  beforeAll(async () => {
    testbed = await startTestbed("api");
    const text = readFileSync(testbed.kubeconfig, "utf8");
    cluster = createCluster(connectionFromKubeconfig({ text, environment: {} }));
  });

  afterAll(async () => {
    cluster?.close();
    await testbed?.stop();
  });

  test("dev goes up, stays, changes one model alone, and goes down to its memory", async () => {
    const provider = createApiProvider(cluster);
    const config = readTrackedValues("dev");
    using harness = createStackHarness({
      ...{ projectRoot, stack: "dev", config, provider },
      environment: { KUBECONFIG: testbed.kubeconfig },
    });
    const up = await harness.run("up");
    expect(up.succeeded, up.output).toBe(true);
    expect(await namesIn("deployments")).toEqual([
      ...["echorator-gateway", "model-assistant", "model-drafts"],
    ]);
    provider.applied.length = 0;
    expect((await harness.run("up")).succeeded).toBe(true);
    expect(provider.applied).toEqual([]);

    const models = (config["echorator:models"] ?? "").replace('"slots":2', '"slots":3');
    await harness.run("up", { config: { ...config, "echorator:models": models } });
    expect(provider.applied.map(({ operation, name }) => `${operation} ${name}`).sort()).toEqual([
      "update ConfigMap model-drafts",
      "update Deployment model-drafts",
    ]);

    const down = await harness.run("down");
    expect(down.succeeded, down.output).toBe(true);
    expect(
      await namesIn("deployments,services,networkpolicies,poddisruptionbudgets,roles"),
    ).toEqual([]);
    expect(await namesIn("persistentvolumeclaims")).toEqual(["echorator-memory"]);

    // What stayed is taken over by the next one.
    const again = await harness.run("up");
    expect(again.succeeded, again.output).toBe(true);
  });

  const namesIn = async (kinds: string): Promise<string[]> => {
    const args = ["-n", "echorator", "get", kinds, "-o", "jsonpath={.items[*].metadata.name}"];
    const names = (await testbed.kubectl(args)).split(" ").filter(name => name !== "");
    return names.sort();
  };
});
