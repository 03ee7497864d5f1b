/** A worker process and a gateway process over it, spoken to by the official clients with the bundled model. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import type { EngineConfigInput } from "../../engine/contract/config.ts";
import { paths } from "../../engine/contract/endpoints.ts";
import { type WorkerModels, workerKeyVariable, workerPaths } from "../../engine/contract/worker.ts";
import { freePorts } from "../support/ports.ts";

const main = fileURLToPath(new URL("../../engine/main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "echorator-roles-"));
const models = [{ name: "echo", source: "bundled:echo-tiny", aliases: ["echo:small"] }];
const workerKey = "key-of-the-installation";

interface Part {
  process: ChildProcess;
  url: string;
  ollamaUrl: string;
  output: () => string;
}

let worker: Part;
let gateway: Part;

async function start(name: string, config: EngineConfigInput): Promise<Part> {
  const [mainPort = 0, ollamaPort = 0] = await freePorts(2);
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, stringify({ ...config, ports: { main: mainPort, ollama: ollamaPort } }));
  const process_ = spawn(process.execPath, [main, "--home", join(folder, name), "--config", file], {
    env: { ...process.env, [workerKeyVariable]: workerKey },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [process_.stdout, process_.stderr])
    stream?.on("data", chunk => {
      output += String(chunk);
    });
  const url = `http://127.0.0.1:${mainPort}`;
  const part = {
    ...{ process: process_, url },
    ollamaUrl: `http://127.0.0.1:${ollamaPort}`,
    output: () => output,
  };
  await until(part, async () => (await fetch(url + paths.serving)).ok);
  return part;
}

/** Vitest's own timeout ends a wait that is in vain. */
async function until(part: Part, condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition().catch(() => false))) {
    if (part.process.exitCode !== null) throw new Error(`it ended: ${part.output()}`);
    await wait(50);
  }
}

async function end({ process }: Part): Promise<number | null> {
  if (process.exitCode !== null) return process.exitCode;
  process.kill("SIGTERM");
  const [code] = await once(process, "exit");
  return code;
}

beforeAll(async () => {
  worker = await start("worker", { role: "worker", host: "0.0.0.0", models });
  gateway = await start("gateway", {
    role: "gateway",
    models,
    gateway: { workers: { echo: [worker.url] } },
  });
  await until(gateway, async () => (await fetch(gateway.url + paths.ready)).ok);
});

afterAll(async () => {
  await Promise.all([gateway, worker].filter(Boolean).map(end));
  rmSync(folder, { recursive: true, force: true });
});

test("OpenAI's client chats, streams and completes through the gateway", async () => {
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "none" });
  const messages = [{ role: "user" as const, content: "Hello, who are you?" }];
  const whole = await client.chat.completions.create({ model: "echo", messages, temperature: 0 });
  const text = whole.choices[0]?.message.content ?? "";
  expect(text).not.toBe("");
  expect(whole.usage?.completion_tokens).toBeGreaterThan(0);
  const stream = await client.chat.completions.create({
    ...{ model: "echo:small", messages, temperature: 0, stream: true },
    stream_options: { include_usage: true },
  });
  let streamed = "";
  for await (const chunk of stream) {
    expect(chunk).not.toHaveProperty("echo.raw");
    streamed += chunk.choices[0]?.delta.content ?? "";
  }
  expect(streamed).toBe(text);
  const completion = await client.completions.create({
    model: "echo",
    prompt: "Once",
    max_tokens: 4,
  });
  expect(completion.choices[0]?.finish_reason).toBe("length");
  expect((await client.models.list()).data.map(model => model.id)).toContain("echo");
});

test("Ollama's client chats, and memory is the gateway's", async () => {
  const headers = { "x-echo-memory": "on", "x-echo-subject": "zelmira" };
  const client = new Ollama({ host: gateway.ollamaUrl, headers });
  const say = async (content: string) =>
    (await client.chat({ model: "echo", messages: [{ role: "user", content }] })).message.content;
  expect(await say("My name is Zelmira.")).not.toBe("");
  expect(await say("What is my name?")).toContain("Zelmira");
});

test("a worker answers what gateways ask and nothing else, and wants their key", async () => {
  const headers = { authorization: `Bearer ${workerKey}` };
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(worker.url + path, { headers, ...init });
  const state = (await (await ask(workerPaths.models)).json()) as WorkerModels;
  expect(state.models[0]).toMatchObject({
    name: "echo",
    state: "ready",
    backend: { slots: 4 },
    load: { busySlots: 0, waiting: 0, slots: 4 },
  });
  expect(state.models[0]?.loadMs).toBeGreaterThan(0);
  expect((await ask(workerPaths.models, { headers: {} })).status).toBe(401);
  for (const path of [paths.conversations, paths.adminModels, paths.cognition, "/api/tags", "/"])
    expect([path, (await ask(path)).status]).toEqual([path, 404]);
  const measured = await (await fetch(worker.url + paths.metrics)).text();
  for (const name of ["queue_length", "slots_busy", "kv_cache_use_ratio", "tokens_waiting"])
    expect(measured).toMatch(new RegExp(`^echorator_${name}\\{model="echo"\\} \\d`, "m"));
  await expect(fetch(worker.ollamaUrl)).rejects.toThrow();
});

test("a gateway's models cannot be changed through it", async () => {
  const refused = await fetch(`${gateway.ollamaUrl}/api/delete`, {
    method: "DELETE",
    body: JSON.stringify({ model: "echo" }),
  });
  expect(refused.status).toBe(409);
  expect(await refused.text()).toContain("gateway");
});

test("a worker that is told to end says so, finishes its replies, and the gateway stays", async () => {
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "none", maxRetries: 0 });
  const items = { type: "integer", const: 7 };
  const schema = { type: "array", items, minItems: 80, maxItems: 80 };
  const stream = await client.chat.completions.create({
    ...{ model: "echo", stream: true, messages: [{ role: "user", content: "Count." }] },
    response_format: { type: "json_schema", json_schema: { name: "list", schema } },
  });
  let text = "";
  let code: Promise<number | null> | undefined;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    code ??= end(worker);
  }
  expect(JSON.parse(text)).toEqual(new Array(80).fill(7));
  expect(await code).toBe(0);
  expect((await fetch(gateway.url + paths.serving)).status).toBe(200);
});
