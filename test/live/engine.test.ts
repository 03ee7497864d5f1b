/** The engine as a process over the bundled model: meaning, memory across a restart, and an end without loss. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { paths } from "../../engine/contract/endpoints.ts";
import { freePorts } from "../support/ports.ts";

const entry = fileURLToPath(new URL("../../engine/main.ts", import.meta.url));
const digest = (key: string) => createHash("sha256").update(key).digest("hex");
const keys = ["acme", "globex"].map(name => ({ name, tenant: name, sha256: digest(name) }));

interface Engine {
  child: ChildProcess;
  url: string;
  exited: Promise<number | null>;
}

let home: string;
let engine: Engine;

async function start(): Promise<Engine> {
  const [main = 0, ollama = 0] = await freePorts(2);
  const config = {
    keys,
    models: [{ name: "assistant", source: "bundled:echo-tiny" }],
  };
  const sets = Object.entries(config).flatMap(([key, value]) => [
    "--set",
    `${key}=${JSON.stringify(value)}`,
  ]);
  const child = spawn(
    process.execPath,
    [
      entry,
      ...["--home", home, "--set", `ports.main=${main}`, "--set", `ports.ollama=${ollama}`],
      ...sets,
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  const exited = new Promise<number | null>(resolve => child.once("exit", resolve));
  const url = `http://127.0.0.1:${main}`;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the engine ended with ${child.exitCode}`);
    const ready = await fetch(`${url}${paths.ready}`).catch(() => undefined);
    if (ready?.ok) return { child, url, exited };
  }
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "echorator-live-"));
  engine = await start();
});

afterAll(async () => {
  engine?.child.kill("SIGTERM");
  await engine?.exited;
  rmSync(home, { recursive: true, force: true });
});

const ask = (content: string) => [{ role: "user" as const, content }];
const ollama = (key: string) =>
  new Ollama({ host: engine.url, headers: { authorization: `Bearer ${key}` } });
const openai = (key: string) =>
  new OpenAI({ baseURL: `${engine.url}/v1`, apiKey: key, maxRetries: 0 });

interface Said {
  content: string;
  echo: { memory: { text: string }[] };
}

const say = async (key: string, content: string) => (await turn(key, content)).content;

async function turn(key: string, content: string): Promise<Said> {
  const headers = { authorization: `Bearer ${key}` };
  const begun = await fetch(`${engine.url}${paths.conversations}`, { method: "POST", headers });
  const { id } = (await begun.json()) as { id: string };
  const response = await fetch(`${engine.url}${paths.conversations}/${id}/turns`, {
    method: "POST",
    headers,
    body: JSON.stringify({ model: "assistant", content, sampling: { temperature: 0 } }),
  });
  return (await response.json()) as Said;
}

describe("every dialect", () => {
  const question = "Hello, who are you?";

  test("ollama", async () => {
    const options = { temperature: 0 };
    const reply = await ollama("acme").chat({
      model: "assistant",
      messages: ask(question),
      options,
    });
    expect(reply.message.content).toMatch(/echo/i);
  });

  test("openai, streamed", async () => {
    const stream = openai("acme").chat.completions.stream({
      model: "assistant",
      temperature: 0,
      messages: ask(question),
    });
    const reply = await stream.finalChatCompletion();
    expect(reply.choices[0]?.message.content).toMatch(/echo/i);
  });

  test("main", async () => {
    expect(await say("acme", question)).toMatch(/echo/i);
  });

  test("a JSON schema is kept to", async () => {
    const format = {
      type: "object",
      properties: { name: { type: "string" }, age: { type: "integer" }, city: { type: "string" } },
      required: ["name", "age", "city"],
    };
    const reply = await ollama("acme").chat({
      model: "assistant",
      messages: ask("Zelmira is 34 years old and lives in Quorra."),
      format,
      options: { temperature: 0 },
    });
    expect(Object.keys(JSON.parse(reply.message.content))).toEqual(["name", "age", "city"]);
  });
});

test("a name told in one conversation is known in another, after a restart, and to no other tenant", async () => {
  await say("acme", "My name is Zelmira.");
  // Recall first: what the model makes of it is another matter.
  const told = await turn("acme", "What is my name?");
  expect(told.echo.memory.map(memory => memory.text)).toContain("My name is Zelmira.");
  expect(told.content).toContain("Zelmira");
  engine.child.kill("SIGTERM");
  expect(await engine.exited).toBe(0);
  engine = await start();
  expect(await say("acme", "What is my name?")).toContain("Zelmira");
  expect(await say("globex", "What is my name?")).not.toContain("Zelmira");
});

test("SIGTERM lets a running stream end in order, and the engine exits with 0", async () => {
  const stream = await ollama("acme").generate({
    model: "assistant",
    prompt: "Once upon a time",
    raw: true,
    stream: true,
    options: { num_predict: 200, temperature: 1, seed: 1 },
  });
  let reason = "";
  for await (const part of stream) {
    engine.child.kill("SIGTERM");
    if (part.done) reason = part.done_reason;
  }
  expect(reason).toMatch(/^(stop|length)$/);
  expect(await engine.exited).toBe(0);
  engine = await start();
});
