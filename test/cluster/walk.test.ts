/** The stack "dev" on real nodes, as a platform team uses it: rendered, applied, asked, rolled, killed, scaled and taken down. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { defaultPorts } from "../../engine/contract/endpoints.ts";
import { type EngineImage, engineImage } from "../support/engine-image.ts";
import { describeOnTestbed, startTestbed, type Testbed } from "../support/testbed.ts";
import { startTraffic } from "../support/traffic.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const namespace = "echorator";

describeOnTestbed("full", "the stack dev", () => {
  let image: EngineImage;
  let testbed: Testbed;
  let folder: string;
  let address: string;

  beforeAll(async () => {
    image = await engineImage();
    testbed = await startTestbed("full", { images: [image.path] });
    folder = mkdtempSync(join(tmpdir(), "echorator-rendered-"));
  });

  afterAll(async () => {
    await testbed?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const inNamespace = (...args: string[]) => testbed.kubectl(["-n", namespace, ...args]);
  const readyPods = async (model: string): Promise<string[]> => {
    const selected = ["get", "pods", "-l", `echorator.dev/model=${model}`, "-o", "json"];
    const { items } = JSON.parse(await inNamespace(...selected)) as { items: Pod[] };
    return items.filter(isReady).map(pod => pod.metadata.name);
  };
  const untilReady = (model: string, count: number) =>
    expect.poll(() => readyPods(model), { timeout: 90_000, interval: 300 }).toHaveLength(count);
  const openai = () =>
    new OpenAI({
      baseURL: `http://${address}:${defaultPorts.main}/v1`,
      apiKey: "none",
      maxRetries: 0,
    });
  const ask = async (model: string, content: string): Promise<string> => {
    const messages = [{ role: "user" as const, content }];
    const reply = await openai().chat.completions.create({ model, messages });
    return reply.choices[0]?.message.content ?? "";
  };

  test("rendered YAML is applied, and the official clients get answers", async () => {
    const render = ["launch.mjs", "stacks/run.ts", "render", "dev", "--out", folder];
    await run(process.execPath, render, { cwd: root });
    const begun = performance.now();
    await testbed.kubectl(["apply", "--server-side", "-f", folder]);
    address = (
      await inNamespace("get", "service", "echorator", "-o", "jsonpath={.spec.clusterIP}")
    ).trim();
    await inNamespace("rollout", "status", "deployment/echorator-gateway", "--timeout=90s");
    // The gateway is there before its model, and holds the question until it is.
    expect(await ask("assistant", "Which port does the Ollama API use?")).toContain("11434");
    process.stdout.write(`from apply to the first answer: ${seconds(performance.now() - begun)}\n`);
    const ollama = new Ollama({ host: `http://${address}:${defaultPorts.ollama}` });
    const messages = [{ role: "user", content: "Hello, who are you?" }];
    const reply = await ollama.chat({ model: "assistant", messages });
    expect(reply.message.content).toContain("Echo");
  });

  test("applied again, nothing changes and no pod rolls", async () => {
    await untilReady("assistant", 1);
    const before = await readyPods("assistant");
    const generations = () =>
      inNamespace("get", "deployments", "-o", "jsonpath={.items[*].metadata.generation}");
    const was = await generations();
    await testbed.kubectl(["apply", "--server-side", "-f", folder]);
    expect(await generations()).toBe(was);
    expect(await readyPods("assistant")).toEqual(before);
  });

  test("memory survives the death of the gateway's pod", async () => {
    const conversation = await post("/api/v1/conversations", {});
    const turns = `/api/v1/conversations/${conversation.id}/turns`;
    await post(turns, { model: "assistant", content: "My name is Zelmira." });
    await inNamespace(
      "delete",
      "pod",
      "-l",
      "app.kubernetes.io/component=gateway",
      "--grace-period=0",
      "--force",
    );
    await inNamespace("rollout", "status", "deployment/echorator-gateway", "--timeout=90s");
    const kept = await (await fetch(url(`/api/v1/conversations/${conversation.id}`))).json();
    expect(JSON.stringify(kept)).toContain("Zelmira");
  });

  const url = (path: string) => `http://${address}:${defaultPorts.main}${path}`;
  const post = async (path: string, body: object) => {
    const headers = { "content-type": "application/json" };
    const reply = await fetch(url(path), { method: "POST", headers, body: JSON.stringify(body) });
    expect(reply.status, await reply.clone().text()).toBeLessThan(300);
    return (await reply.json()) as { id: string };
  };

  test("three workers are rolled and killed under load, and no stream fails", async () => {
    await inNamespace("scale", "deployment/model-assistant", "--replicas=3");
    await untilReady("assistant", 3);
    const traffic = startTraffic({ client: openai(), model: "assistant", streams: 4 });
    for (const round of [1, 2]) {
      await inNamespace("rollout", "restart", "deployment/model-assistant");
      await inNamespace("rollout", "status", "deployment/model-assistant", "--timeout=120s");
      process.stdout.write(`roll ${round}: ${traffic.finished()} streams so far\n`);
    }
    const afterRolls = traffic.finished();
    for (const _ of [1, 2, 3]) {
      const [victim] = await readyPods("assistant");
      await inNamespace("delete", "pod", victim ?? "", "--grace-period=0", "--force");
      await untilReady("assistant", 3);
    }
    const { finished, failures } = await traffic.stop();
    expect(failures).toEqual([]);
    expect(finished).toBeGreaterThan(afterRolls);
    process.stdout.write(`two rolls and three kills: ${finished} streams, 0 failed\n`);
  });

  test("a model goes from none to one, to three, and back to none", async () => {
    await inNamespace("scale", "deployment/model-drafts", "--replicas=0");
    await untilReady("drafts", 0);
    const begun = performance.now();
    expect(await ask("drafts", "Hello, who are you?")).toContain("Echo");
    process.stdout.write(`from none to an answer: ${seconds(performance.now() - begun)}\n`);
    await untilReady("drafts", 1);
  });

  test("taken down, nothing is left but what is kept", async () => {
    await testbed.kubectl([
      "delete",
      "-f",
      folder,
      "--ignore-not-found",
      "--wait=true",
      "--timeout=120s",
    ]);
    const left = await testbed.kubectl(["get", "namespaces", "-o", "name"]);
    expect(left).not.toContain(`namespace/${namespace}\n`);
    const kept = readdirSync(folder).filter(name =>
      /volume/i.test(readFileSync(join(folder, name), "utf8")),
    );
    expect(kept.length).toBeGreaterThan(0);
  });
});

interface Pod {
  metadata: { name: string; deletionTimestamp?: string };
  status: { conditions?: { type: string; status: string }[] };
}

function isReady({ metadata, status }: Pod): boolean {
  const ready = status.conditions?.some(one => one.type === "Ready" && one.status === "True");
  return ready === true && metadata.deletionTimestamp === undefined;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
