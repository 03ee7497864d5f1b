/** A gateway's process whose model has no worker: who asks for a stream has its first byte while the model is still waited for. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePorts } from "../support/ports.ts";

const entry = fileURLToPath(new URL("../../engine/main.ts", import.meta.url));
const rounds = 7;
const messages = [{ role: "user", content: "Hello" }];

let folder: string;
let gateway: ChildProcess;
let main = 0;
let ollama = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "echorator-first-"));
  [main = 0, ollama = 0] = await freePorts(2);
  const home = join(folder, "home");
  mkdirSync(home);
  const config = {
    ...{ role: "gateway", ports: { main, ollama }, log: { level: "error" }, graceSeconds: 0 },
    models: [{ name: "assistant", source: "bundled:echo-tiny" }],
  };
  const path = join(folder, "engine.yaml");
  writeFileSync(path, JSON.stringify(config));
  gateway = spawn(process.execPath, [entry, "--home", home, "--config", path], {
    env: { PATH: process.env.PATH },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const isServing = async () => {
    const answer = await fetch(`http://127.0.0.1:${main}/health/serving`).catch(() => undefined);
    return answer?.ok === true;
  };
  while (!(await isServing()) && gateway.exitCode === null);
});

afterAll(() => {
  gateway.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

interface FirstByte {
  ms: number;
  text: string;
}

/** As a client on the wire sees it; it hangs up then. */
function askFor(port: number, path: string, body: object): Promise<FirstByte> {
  const { promise, resolve, reject } = Promise.withResolvers<FirstByte>();
  const startedMs = performance.now();
  const headers = { "content-type": "application/json" };
  const options = { host: "127.0.0.1", port, path, method: "POST", headers, agent: false };
  const outgoing = request(options, incoming => {
    incoming.setEncoding("utf8").once("data", (text: string) => {
      resolve({ ms: performance.now() - startedMs, text });
      outgoing.destroy();
    });
    incoming.on("error", () => undefined);
  });
  outgoing.on("error", reject);
  outgoing.end(JSON.stringify({ model: "assistant", stream: true, ...body }));
  return promise;
}

test.each([
  ["OpenAI, chat", () => main, "/v1/chat/completions", { messages }, /^: waiting/],
  ["OpenAI, text", () => main, "/v1/completions", { prompt: "Hello" }, /^: waiting/],
  ["Ollama, chat", () => ollama, "/api/chat", { messages }, /"content":""/],
  ["Ollama, text", () => ollama, "/api/generate", { prompt: "Hello" }, /"response":""/],
] as const)("%s", async (name, port, path, body, first) => {
  const seen: FirstByte[] = [];
  for (let round = 0; round < rounds; round++) seen.push(await askFor(port(), path, body));
  for (const { text } of seen) expect(text).toMatch(first);
  const sorted = seen.map(one => one.ms).sort((a, b) => a - b);
  process.stdout.write(
    `${name}: first byte of a held stream after ${sorted[rounds >> 1]?.toFixed(0)} ms (${sorted.at(-1)?.toFixed(0)} at most of ${rounds})\n`,
  );
});
