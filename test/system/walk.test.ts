/** What a user does on one machine, and what happens when something dies in the middle of it. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyGguf } from "../support/gguf-writer.ts";
import {
  answers,
  childrenOf,
  createWalker,
  isAlive,
  until,
  type Walker,
} from "../support/walker.ts";

let user: Walker;
let ollama: Ollama;
let openai: OpenAI;

/** A model of random weights that is slow enough to be met in the middle of an answer. */
const slow = { name: "slow", tokens: 700 };

beforeAll(async () => {
  user = await createWalker();
  ollama = new Ollama({ host: user.ollama });
  openai = new OpenAI({ baseURL: `${user.main}/v1`, apiKey: "none", maxRetries: 0 });
});

afterAll(() => user[Symbol.asyncDispose]());

describe("the walk", () => {
  test("up brings the engine and its model, and says where they are", async () => {
    const { output, code, ms } = await user.run("npm run up");
    expect(code, output).toBe(0);
    expect(output).toContain(user.ollama.replace("localhost", "127.0.0.1"));
    expect(output).toContain("assistant");
    expect(output).toMatch(/curl .*Hello, who are you\?/);
    console.info(`first up: ${(ms / 1000).toFixed(1)} s`);
  });

  test("up again changes nothing", async () => {
    const before = user.processes();
    const { output, code, ms } = await user.run("npm run up");
    expect(code, output).toBe(0);
    expect(output).not.toMatch(/\d+ (to )?(creat|updat|replac|delet)/);
    expect(user.processes()).toEqual(before);
    console.info(`up without a change: ${(ms / 1000).toFixed(1)} s`);
  });

  test("a model is added while another answers: one resource more, the stream goes on", async () => {
    addSlowModel(user);
    const first = await user.run("npm run up");
    expect(first.code, first.output).toBe(0);
    const before = user.processes();
    const stream = await readSlowStream(openai);

    appendFileSync(user.stackFile, entry("third", "bundled:echo-tiny"));
    const { output, code } = await user.run("npm run up");
    expect(code, output).toBe(0);
    expect(output).toMatch(/\+.*third/);
    expect(output).not.toMatch(/~.*(slow|assistant)/);
    expect(user.processes()).toEqual(before);
    expect(await stream.finish()).toBe("length");
    expect(await names(ollama)).toEqual(["assistant:latest", "slow:latest", "third:latest"]);

    removeEntry(user, "third");
    const last = await user.run("npm run up");
    expect(last.code, last.output).toBe(0);
    expect(await names(ollama)).toEqual(["assistant:latest", "slow:latest"]);
    expect(user.processes()).toEqual(before);
  });

  test("two at once: one does it, the other says who does", async () => {
    const both = await Promise.all([user.run("npm run up"), user.run("npm run up")]);
    const codes = both.map(result => result.code).sort();
    const outputs = both.map(result => result.output).join("\n---\n");
    expect(codes[0], outputs).toBe(0);
    if (codes[1] !== 0) expect(outputs).toMatch(/pid|process \d+/i);
  });

  test("a wrong stack file is refused with its field before anything happens", async () => {
    const before = readFileSync(user.stackFile, "utf8");
    appendFileSync(user.stackFile, entry("wrong", "nowhere:x"));
    const { output, code } = await user.run("npm run up");
    writeFileSync(user.stackFile, before);
    expect(code).not.toBe(0);
    expect(output).toMatch(/echorator:models\[\d\]\.source.*bundled:/s);
    expect(await answers(`${user.main}/models/health`)).toBe(true);
  });
});

describe("kill -9 in the middle of a stream", () => {
  test("of the inference process: an error in the client's dialect, and it is back", async () => {
    const { engine } = user.processes();
    const children = childrenOf(engine);
    const stream = await readSlowStream(openai);
    for (const child of children) process.kill(child, "SIGKILL");
    await expect(stream.finish()).rejects.toThrow(/restart|again/i);
    const ms = await until("slow answers again", 5_000, () => canAnswer(ollama, slow.name));
    console.info(`inference process back after ${Math.round(ms)} ms`);
    expect(user.processes().engine).toBe(engine);
  });

  test("of the engine: its children end, the supervisor brings it back, nothing acknowledged is lost", async () => {
    const said = await tell(user, "I live in Quorra.");
    const { engine, supervisor } = user.processes();
    const children = childrenOf(engine);
    const stream = await readSlowStream(openai);
    process.kill(engine, "SIGKILL");
    await expect(stream.finish()).rejects.toThrow();
    const ended = await until("the children end", 1_000, () => !children.some(isAlive));
    const back = await until("the engine is back", 5_000, () => canAnswer(ollama, "assistant"));
    console.info(`children ended after ${Math.round(ended)} ms, back after ${Math.round(back)} ms`);
    expect(user.processes().supervisor).toBe(supervisor);
    const kept = await fetch(`${user.main}/api/v1/conversations/${said.conversation}`);
    expect(await kept.text()).toContain("I live in Quorra.");
  });

  test("of up: streams go on, the next up finishes the work, no process is doubled", async () => {
    await until("slow answers", 10_000, () => canAnswer(ollama, slow.name));
    const before = user.processes();
    const stream = await readSlowStream(openai);
    appendFileSync(user.stackFile, entry("fourth", "bundled:echo-tiny"));
    const running = user.start("npm run up");
    await until("up has begun", 30_000, () => /fourth/.test(running.output()));
    process.kill(-(running.child.pid ?? 0), "SIGKILL");
    await running.finished;
    expect(await stream.finish()).toBe("length");

    const { output, code } = await user.run("npm run up");
    expect(code, output).toBe(0);
    expect(user.processes()).toEqual(before);
    expect(await names(ollama)).toContain("fourth:latest");
    const again = await user.run("npm run up");
    expect(again.code, again.output).toBe(0);
    removeEntry(user, "fourth");
  });

  test("of the supervisor: the engine does not outlive it, a plain up mends it", async () => {
    const { engine, supervisor } = user.processes();
    process.kill(supervisor, "SIGKILL");
    await until("the engine ends", 5_000, () => !isAlive(engine));
    const { output, code } = await user.run("npm run up");
    expect(code, output).toBe(0);
    expect(await canAnswer(ollama, "assistant")).toBe(true);
  });
});

test("down leaves no process and no port, but weights and memory", async () => {
  const { engine, supervisor } = user.processes();
  const children = childrenOf(engine);
  const { output, code } = await user.run("npm run down");
  expect(code, output).toBe(0);
  expect([engine, supervisor, ...children].filter(isAlive)).toEqual([]);
  expect(await answers(`${user.main}/health`)).toBe(false);
  expect(readFileSync(join(user.echoratorHome, "memory", "default.sqlite")).length).toBeGreaterThan(
    0,
  );
});

function entry(name: string, source: string): string {
  return `    - { name: ${name}, source: "${source}", context: 1024, slots: 1 }\n`;
}

function addSlowModel(walker: Walker): void {
  const path = join(walker.home, "slow.gguf");
  const shape = { embeddingLength: 384, headCount: 6, feedForwardLength: 1024, blockCount: 6 };
  writeTinyGguf(path, { seed: 7, contextLength: 1024, ...shape });
  appendFileSync(walker.stackFile, entry(slow.name, `file://${path}`));
}

function removeEntry(walker: Walker, name: string): void {
  const lines = readFileSync(walker.stackFile, "utf8").split("\n");
  const rest = lines.filter(line => !line.includes(`name: ${name},`));
  writeFileSync(walker.stackFile, rest.join("\n"));
}

/** A stream that has begun; `finish` reads the rest and answers its finish reason. */
async function readSlowStream(client: OpenAI): Promise<{ finish(): Promise<string | null> }> {
  const stream = await client.chat.completions.create({
    model: slow.name,
    stream: true,
    temperature: 0,
    max_tokens: slow.tokens,
    messages: [{ role: "user", content: "Begin." }],
  });
  const chunks = stream[Symbol.asyncIterator]();
  await chunks.next();
  const finish = async () => {
    let reason: string | null = null;
    for (let next = await chunks.next(); !next.done; next = await chunks.next())
      reason = next.value.choices[0]?.finish_reason ?? reason;
    return reason;
  };
  return { finish };
}

async function names(client: Ollama): Promise<string[]> {
  return (await client.list()).models.map(model => model.name).sort();
}

async function canAnswer(client: Ollama, model: string): Promise<boolean> {
  try {
    const options = { num_predict: 1 };
    await client.generate({ model, prompt: "Hi", stream: false, options });
    return true;
  } catch {
    return false;
  }
}

async function tell(walker: Walker, content: string): Promise<{ conversation: string }> {
  const base = `${walker.main}/api/v1/conversations`;
  const { id } = (await (await fetch(base, { method: "POST" })).json()) as { id: string };
  const body = JSON.stringify({ model: "assistant", content });
  const reply = await fetch(`${base}/${id}/turns`, { method: "POST", body });
  expect(reply.status, await reply.text()).toBe(200);
  return { conversation: id };
}
