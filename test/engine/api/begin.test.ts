/** Streams for a model that has no replica yet begin at once, in a form that each dialect's clients read over. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { beginStream } from "../../../engine/api/begin.ts";
import type { Call } from "../../../engine/api/call.ts";
import type { OpenTurn, OutputItem } from "../../../engine/api/turn.ts";
import { EngineConfig } from "../../../engine/contract/config.ts";
import { createScriptedBackend } from "../../../engine/inference/scripted.ts";
import { systemClock } from "../../../engine/kit/clock.ts";
import { createSeededRandom } from "../../../engine/kit/random.ts";
import { type GatewayOptions, startGateway } from "../../../engine/roles/gateway.ts";
import { createLog } from "../../../engine/telemetry/log.ts";
import { createMetrics } from "../../../engine/telemetry/metrics.ts";

let home: string;
let gateway: Awaited<ReturnType<typeof startGateway>>;
let isThere = false;

beforeEach(async () => {
  isThere = false;
  home = mkdtempSync(join(tmpdir(), "echorator-begin-"));
  const options: GatewayOptions = {
    config: EngineConfig.parse({
      role: "gateway",
      models: [{ name: "assistant", source: "bundled:echo-tiny" }],
      gateway: { workers: { assistant: ["http://127.0.0.1:9"] } },
    }),
    ...{ home, adminKey: "the-admin-key-of-the-test", workerKey: undefined },
    ...{ version: "0.0.0-test", instance: "test" },
    ...{ clock: systemClock, random: createSeededRandom(1), metrics: createMetrics() },
    log: createLog({ level: "error", format: "json", clock: systemClock, write: () => undefined }),
    openWorker() {
      if (!isThere) throw new Error("not yet");
      return createScriptedBackend();
    },
  };
  gateway = await startGateway(options);
});
afterEach(async () => {
  await gateway.stop(0);
  rmSync(home, { recursive: true, force: true });
});

const messages = [{ role: "user", content: "hello" }];

async function post(path: string, body: object, headers: Record<string, string> = {}) {
  const request = new Request(`http://localhost${path}`, {
    ...{ method: "POST", body: JSON.stringify(body) },
    headers: { "content-type": "application/json", ...headers },
  });
  return gateway.main(request, { address: "127.0.0.1" });
}

/** The first piece before there is a worker, and all of it after. */
async function readHeld(response: Response): Promise<{ first: string; whole: string }> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const first = (await reader.read()).value ?? "";
  isThere = true;
  let whole = first;
  for (let next = await reader.read(); !next.done; next = await reader.read()) whole += next.value;
  return { first, whole };
}

test("OpenAI: a comment, then the chunks", async () => {
  const body = { model: "assistant", messages, stream: true };
  const { first, whole } = await readHeld(await post("/v1/chat/completions", body));
  expect(first).toMatch(/^: waiting/);
  expect(whole).toContain('"content":"You"');
  expect(whole.endsWith("data: [DONE]\n\n")).toBe(true);
});

test("Ollama: a piece without text, then the text", async () => {
  const { first, whole } = await readHeld(
    await post("/api/chat", { model: "assistant", messages }),
  );
  expect(JSON.parse(first)).toMatchObject({ message: { content: "" }, done: false });
  const lines = whole.trim().split("\n");
  const texts = lines.map(line => (JSON.parse(line) as { message: { content: string } }).message);
  expect(texts.map(text => text.content).join("")).toBe("You said: hello");
});

test("a reply that is not streamed waits with its status", async () => {
  const body = { model: "assistant", messages };
  const reply = post("/v1/chat/completions", body, { "x-echo-route": "1" });
  await systemClock.sleep(1);
  isThere = true;
  const response = await reply;
  expect(response.status).toBe(200);
  expect(response.headers.get("x-echo-route")).toMatch(/127\.0\.0\.1:9; track=stable; why=/);
});

test("what fails at once has its own status still, and a client that goes away is not held", async () => {
  const wrong = await post("/v1/chat/completions", { model: "nobody", messages, stream: true });
  expect(wrong.status).toBe(404);
  const held = await post("/v1/chat/completions", { model: "assistant", messages, stream: true });
  await held.body!.cancel();
  await vi.waitFor(async () => {
    const text = await (
      await gateway.main(new Request("http://localhost/metrics"), { address: "127.0.0.1" })
    ).text();
    expect(text).toContain('echorator_held_requests{model="assistant"} 0');
  });
});

test("a turn that begins while nobody reads is ended when the client goes away", async () => {
  const ended = Promise.withResolvers<void>();
  async function* say(): AsyncGenerator<OutputItem> {
    try {
      yield { type: "text", text: "hello" };
    } finally {
      // Here its quota is settled.
      ended.resolve();
    }
  }
  async function* nothing(): AsyncGenerator<string> {}
  const opening = Promise.withResolvers<OpenTurn>();
  const gone = new AbortController();
  const call = { signal: gone.signal, abandon: () => gone.abort(), written: undefined } as Call;
  const held = await beginStream(gateway.engine, call, opening.promise, {
    ...{ model: "assistant", contentType: "text/event-stream", waiting: () => ": waiting\n\n" },
    ...{ render: nothing, headersOf: () => ({}) },
    renderError: () => "",
  });
  const start: OpenTurn["start"] = {
    ...{ type: "start", model: "assistant", conversation: undefined, used: [] },
  };
  opening.resolve({ start, items: say(), headers: {}, quotas: {} });
  await opening.promise;
  await held.body!.cancel();
  await ended.promise;
});
