/** The stack "dev" on a cluster with nodes: rendered, applied, asked and looked at. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import OpenAI from "openai";
import { expect } from "vitest";
import { stringify } from "yaml";
import { defaultPorts } from "../../engine/contract/endpoints.ts";
import type { ModelSpecInput } from "../../engine/contract/model.ts";
import { engineImage } from "./engine-image.ts";
import { startTestbed, type Testbed, type TestbedOptions } from "./testbed.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
export const namespace = "echorator";

export interface DevStack {
  testbed: Testbed;
  /** Where the rendered files are. */
  folder: string;
  kubectl(...args: string[]): Promise<string>;
  /** Writes the files anew; `models` and `platform` replace the tracked ones. */
  render(change: StackChange): Promise<void>;
  apply(): Promise<void>;
  /** Waits until the gateway answers, and learns its address. */
  untilServing(): Promise<void>;
  url(path: string): string;
  post(path: string, body: object): Promise<{ id: string }>;
  openai(): OpenAI;
  ask(model: string, content: string): Promise<string>;
  pods(model: string): Promise<Pod[]>;
  readyPods(model: string): Promise<string[]>;
  untilReady(model: string, count: number, withinMs?: number): Promise<void>;
  /** Takes everything down but what is kept. */
  takeDown(): Promise<void>;
  /** Pods, events and logs, for whoever has to find out why. */
  explain(): Promise<string>;
  stop(): Promise<void>;
}

export interface StackChange {
  models?: readonly ModelSpecInput[];
  platform?: object;
}

export interface Pod {
  metadata: { name: string; deletionTimestamp?: string };
  spec: { nodeName?: string };
  status: {
    phase: string;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
    containerStatuses?: {
      restartCount: number;
      state: { waiting?: { reason: string; message?: string } };
      lastState: { terminated?: { reason: string; exitCode: number } };
    }[];
  };
}

export async function startDevStack(options: TestbedOptions = {}): Promise<DevStack> {
  const image = await engineImage();
  const testbed = await startTestbed("full", { ...options, images: [image.path] });
  const home = mkdtempSync(join(tmpdir(), "echorator-dev-"));
  const folder = join(home, "rendered");
  mkdirSync(folder);
  let address = "";
  const kubectl = (...args: string[]) => testbed.kubectl(["-n", namespace, ...args]);
  const url = (path: string) => `http://${address}:${defaultPorts.main}${path}`;
  const openai = () => new OpenAI({ baseURL: url("/v1"), apiKey: "none", maxRetries: 0 });
  const pods = async (model: string) => {
    const selected = ["get", "pods", "-l", `echorator.dev/model=${model}`, "-o", "json"];
    return (JSON.parse(await kubectl(...selected)) as { items: Pod[] }).items;
  };
  const readyPods = async (model: string) =>
    (await pods(model)).filter(isReady).map(pod => pod.metadata.name);

  return {
    ...{ testbed, folder, kubectl, url, openai, pods, readyPods },
    async render({ models, platform }) {
      const changed = {
        ...(models === undefined ? {} : { "echorator:models": models }),
        ...(platform === undefined ? {} : { "echorator:platform": platform }),
      };
      writeFileSync(join(home, "Pulumi.dev.yaml"), stringify({ config: changed }), { mode: 0o600 });
      const render = ["launch.mjs", "stacks/run.ts", "render", "dev", "--out", folder];
      const env = { ...process.env, ECHORATOR_HOME: home };
      await run(process.execPath, render, { cwd: root, env });
    },
    async apply() {
      await testbed.kubectl(["apply", "--server-side", "-f", folder]);
    },
    async untilServing() {
      await kubectl("rollout", "status", "deployment/echorator-gateway", "--timeout=120s");
      const at = ["get", "service", "echorator", "-o", "jsonpath={.spec.clusterIP}"];
      address = (await kubectl(...at)).trim();
      await expect
        .poll(() => fetch(url("/health/serving")).then(one => one.status, String), {
          ...{ timeout: 60_000, interval: 200 },
        })
        .toBe(200);
    },
    async post(path, body) {
      const headers = { "content-type": "application/json" };
      const reply = await fetch(url(path), { method: "POST", headers, body: JSON.stringify(body) });
      expect(reply.status, await reply.clone().text()).toBeLessThan(300);
      return (await reply.json()) as { id: string };
    },
    async ask(model, content) {
      const messages = [{ role: "user" as const, content }];
      const reply = await openai().chat.completions.create({ model, messages });
      return reply.choices[0]?.message.content ?? "";
    },
    async untilReady(model, count, withinMs = 90_000) {
      await expect
        .poll(() => readyPods(model), { timeout: withinMs, interval: 200 })
        .toHaveLength(count);
    },
    async takeDown() {
      const rest = ["--ignore-not-found", "--wait=true", "--timeout=60s"];
      await testbed.kubectl(["delete", "-f", folder, "-l", "!echorator.dev/kept", ...rest]);
      await kubectl("delete", "lease", "echorator-scaler", "--ignore-not-found");
      await kubectl("wait", "--for=delete", "pod", "--all", "--timeout=60s");
    },
    async explain() {
      const look = (...args: string[]) => kubectl(...args).catch(String);
      const logs = ["logs", "-l", "app.kubernetes.io/instance=echorator", "--prefix", "--tail=30"];
      const parts = await Promise.all([
        look("get", "pods", "-o", "wide"),
        look("get", "events", "--sort-by=.lastTimestamp"),
        look(...logs, "--max-log-requests=20"),
      ]);
      return parts.join("\n");
    },
    async stop() {
      await testbed.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function isReady({ metadata, status }: Pod): boolean {
  const ready = status.conditions?.some(one => one.type === "Ready" && one.status === "True");
  return ready === true && metadata.deletionTimestamp === undefined;
}
