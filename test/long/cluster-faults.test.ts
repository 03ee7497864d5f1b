/** What goes wrong on a cluster: each fault ends in the declared state, or in one that says why; no stream fails and no memory is lost. */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type DevStack, namespace, type Pod, startDevStack } from "../support/dev-stack.ts";
import { describeOnTestbed } from "../support/testbed.ts";
import { startTraffic } from "../support/traffic.ts";

const source = "bundled:echo-tiny";
const assistant = {
  ...{ name: "assistant", source, context: 1024, slots: 4 },
  sampling: { temperature: 0 },
  replicas: { min: 3, max: 3 },
};
const image = "localhost/echorator/engine:0.1.0";
const profiles = {
  cpu: { cpu: "100m" },
  nowhere: { cpu: "100m", image: "localhost/echorator/nowhere:1" },
};
const platform = { image, profiles };
/** Nobody makes volumes of its class. */
const claim = {
  ...{ apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: "lost" } },
  spec: {
    ...{ accessModes: ["ReadWriteOnce"], storageClassName: "no-such-class" },
    resources: { requests: { storage: "1Gi" } },
  },
};
const apiAwayMs = 60_000;

describeOnTestbed("full", "faults of a cluster", () => {
  let dev: DevStack;
  let conversation: string;

  beforeAll(async () => {
    const controllerArguments = "--node-monitor-grace-period=8s --node-monitor-period=1s";
    dev = await startDevStack({ nodes: 2, controllerArguments });
  });
  afterAll(async () => {
    await dev?.stop();
  });

  test("three workers on two nodes serve, and something is remembered", async () => {
    // The volume of the memory is where the gateway first ran: not on the node that is going to fail.
    await dev.kubectl("cordon", "node2");
    await dev.render({ models: [assistant], platform });
    await dev.apply();
    await dev.untilServing();
    await dev.kubectl("uncordon", "node2");
    await dev.kubectl("rollout", "restart", "deployment/model-assistant");
    await dev.kubectl("rollout", "status", "deployment/model-assistant", "--timeout=120s");
    await dev.untilReady("assistant", 3);
    conversation = (await dev.post("/api/v1/conversations", {})).id;
    const turn = { model: "assistant", content: "My name is Zelmira." };
    await dev.post(`/api/v1/conversations/${conversation}/turns`, turn);
  });

  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") process.stdout.write(`${await dev.explain()}\n`);
    const reply = await fetch(dev.url(`/api/v1/conversations/${conversation}`));
    expect(JSON.stringify(await reply.json())).toContain("Zelmira");
  });

  /** Streams run while `fault` happens, and all of them end whole. */
  const underLoad = async (what: string, fault: () => Promise<void>) => {
    const traffic = startTraffic({ client: dev.openai(), model: "assistant", streams: 4 });
    await expect.poll(traffic.finished, { timeout: 30_000 }).toBeGreaterThan(4);
    await fault();
    const atItsEnd = traffic.finished();
    await expect.poll(traffic.finished, { timeout: 30_000 }).toBeGreaterThan(atItsEnd + 4);
    const { finished, failures } = await traffic.stop();
    process.stdout.write(`${what}: ${finished} streams, ${failures.length} failed\n`);
    expect(failures).toEqual([]);
  };
  const onNode = async (node: string) => {
    const ready = await dev.readyPods("assistant");
    const pods = await dev.pods("assistant");
    return pods.filter(one => one.spec.nodeName === node && ready.includes(one.metadata.name));
  };
  const waitingReason = (pod: Pod | undefined) =>
    pod?.status.containerStatuses?.[0]?.state.waiting?.reason;
  const eventsOf = async () => await dev.kubectl("get", "events", "-o", "jsonpath={..message}");

  test("an image that cannot be pulled, a volume that does not bind and a wrong digest say so, and hurt nobody", async () => {
    const models = [
      assistant,
      { name: "unpulled", source, context: 512, slots: 1, profile: "nowhere" },
      { name: "unbound", source: "pvc://lost/model.gguf", context: 512, slots: 1 },
      { name: "wrong", source, context: 512, slots: 1, sha256: "0".repeat(64) },
    ];
    await dev.testbed.kubectl(["-n", namespace, "apply", "-f", "-"], JSON.stringify(claim));
    await dev.render({ models, platform });
    await dev.apply();
    await expect
      .poll(async () => waitingReason((await dev.pods("unpulled"))[0]), { timeout: 40_000 })
      .toMatch(/ImagePull|ErrImage/);
    const unbound = async () =>
      (await dev.pods("unbound"))[0]?.status.conditions?.find(one => one.type === "PodScheduled")
        ?.message;
    await expect.poll(unbound, { timeout: 30_000 }).toMatch(/unbound.*PersistentVolumeClaim/);
    expect(await eventsOf()).toMatch(/storageclass.*"no-such-class" not found/);
    const logs = () => dev.kubectl("logs", "-l", "echorator.dev/model=wrong", "--tail=50");
    await expect.poll(logs, { timeout: 40_000 }).toMatch(/sha256|digest/i);
    expect(await dev.readyPods("wrong")).toEqual([]);
    expect(await dev.ask("assistant", "Hello, who are you?")).toContain("Echo");
    const kinds = "deployments,statefulsets,services,poddisruptionbudgets,configmaps";
    await dev.kubectl("delete", kinds, "-l", "echorator.dev/model in (unpulled,unbound,wrong)");
    await dev.kubectl("delete", "pvc", "lost", "--wait=false");
    await dev.render({ models: [assistant], platform });
  });

  test("a node without power: its streams go on elsewhere, and it comes back", async () => {
    expect((await onNode("node2")).length).toBeGreaterThan(0);
    await underLoad("a node without power", async () => {
      await dev.testbed.switchNode("down", 2);
      await expect.poll(() => onNode("node2"), { timeout: 60_000 }).toEqual([]);
    });
    await dev.testbed.switchNode("up", 2);
    await dev.untilReady("assistant", 3);
  });

  test("a drained node: one after the other leaves, as the budget says", async () => {
    await underLoad("a drained node", async () => {
      const drain = ["--ignore-daemonsets", "--delete-emptydir-data", "--timeout=90s"];
      await dev.kubectl("drain", "node2", ...drain);
    });
    await dev.kubectl("uncordon", "node2");
    await dev.untilReady("assistant", 3);
  });

  test("too little memory is named as such, and the declared amount heals it", async () => {
    await dev.untilReady("assistant", 3);
    await underLoad("out of memory", async () => {
      const small = ["--limits=memory=48Mi", "--requests=memory=48Mi"];
      await dev.kubectl("set", "resources", "deployment/model-assistant", ...small);
      const killed = async () =>
        (await dev.pods("assistant")).flatMap(
          pod => pod.status.containerStatuses?.[0]?.lastState.terminated?.reason ?? [],
        );
      await expect.poll(killed, { timeout: 60_000 }).toContain("OOMKilled");
      // A rolling update does not go on to the next while the first is not ready.
      expect((await dev.readyPods("assistant")).length).toBe(3);
      await dev.testbed.kubectl(["apply", "--server-side", "--force-conflicts", "-f", dev.folder]);
    });
    await dev.kubectl("rollout", "status", "deployment/model-assistant", "--timeout=90s");
    await dev.untilReady("assistant", 3);
  });

  test("an API server that is away for a minute: what is known is served", async () => {
    const pid = findApiServer(dev.testbed.directory ?? "");
    await underLoad("a minute without the API server", async () => {
      process.kill(pid, "SIGSTOP");
      await new Promise(resolve => setTimeout(resolve, apiAwayMs)).finally(() =>
        process.kill(pid, "SIGCONT"),
      );
      await expect.poll(() => dev.readyPods("assistant"), { timeout: 60_000 }).toHaveLength(3);
    });
  });

  test("half of a change that was killed serves on, and the whole of it then comes to be", async () => {
    await dev.render({ models: [{ ...assistant, context: 512, aliases: ["helper"] }], platform });
    const files = readdirSync(dev.folder).filter(name => name.endsWith(".yaml"));
    await underLoad("half of a change", async () => {
      const some = files
        .filter(name => name < "06")
        .flatMap(name => ["-f", join(dev.folder, name)]);
      await dev.testbed.kubectl(["apply", "--server-side", ...some]);
      await expect
        .poll(() => dev.ask("helper", "Hello, who are you?").catch(String), { timeout: 20_000 })
        .toContain("Echo");
      await dev.apply();
      await dev.kubectl("rollout", "status", "deployment/model-assistant", "--timeout=120s");
    });
    const running = await dev.kubectl("logs", "deployment/model-assistant", "--tail=-1");
    expect(running).toContain("model loaded");
  });
});

/** Of this cluster alone: its folder is in the process's arguments. */
function findApiServer(directory: string): number {
  const lines = execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" }).split("\n");
  const line = lines.find(one => /kube-apiserver /.test(one) && one.includes(directory));
  if (line === undefined) throw new Error(`no API server of ${directory} runs`);
  return Number.parseInt(line, 10);
}
