/** Replies of the bundled model that go on elsewhere, its worker over real sockets, and types of its cache. */
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { GenerateRequest } from "../../engine/contract/chat.ts";
import { createRemoteBackend } from "../../engine/inference/remote.ts";
import { systemClock } from "../../engine/kit/clock.ts";
import { collect, describeBackend, doneOf } from "../conformance/backend.ts";
import { cutEverywhere } from "../conformance/continuation.ts";
import { quietTelemetry, startTestWorker } from "../support/worker.ts";
import { bundledModel, createModelFolder, type OpenedModel, openModel } from "./llama-support.ts";

const models = createModelFolder();
afterAll(models.remove);

describeBackend("remote, of a worker with llama.cpp", async () => {
  const { backend: llama } = await openModel(bundledModel, { context: 512 }, { queueLength: 3 });
  const worker = await startTestWorker({ openBackend: async () => llama });
  const backend = await createRemoteBackend({
    ...{ url: worker.url, model: "assistant", kind: "worker" },
    ...{ clock: systemClock, telemetry: quietTelemetry() },
  });
  return {
    ...{ backend, queueLength: 3, stop: worker.stop },
    crash: () => void process.kill(llama.pid() ?? 0, "SIGKILL"),
  };
});

describe("the bundled model", () => {
  const opened: OpenedModel[] = [];
  afterEach(async () => {
    for (const { backend } of opened.splice(0)) await backend.close();
  });
  const open = async (...args: Parameters<typeof openModel>) => {
    const one = await openModel(...args);
    opened.push(one);
    return one.backend;
  };
  const ask = (content: string): GenerateRequest => ({
    input: { kind: "messages", messages: [{ role: "user", content }] },
    sampling: { temperature: 0 },
    maxTokens: 40,
    cacheScope: "s",
  });

  it("goes on with its own replies, nearly always to the letter", async () => {
    const first = await open(bundledModel);
    const second = await open(bundledModel);
    let cuts = 0;
    let equal = 0;
    for (const question of ["Hello, who are you?", "My cat is called Mimi. Say something nice."]) {
      const one = { name: question, request: ask(question), isForced: false };
      const report = await cutEverywhere(first, second, one, false);
      cuts += report.cuts;
      equal += report.equal;
    }
    console.info(`bundled model: ${equal} of ${cuts} continuations give the uncut reply`);
    expect(equal).toBeGreaterThan(cuts / 2);
  });

  it("has a cache of smaller types where its heads allow it, and says so where they do not", async () => {
    const wide = models.write("wide", { seed: 3, embeddingLength: 128, headCount: 2 });
    const sizes: Record<string, number> = {};
    for (const type of ["f32", "f16", "q8_0", "q4_0"] as const) {
      const backend = await open(wide, { context: 1024, kv: { keys: type, values: type } });
      const items = await collect(backend, { ...ask("Hello"), maxTokens: 8 });
      expect(doneOf(items).usage.completionTokens).toBeGreaterThan(0);
      sizes[type] = backend.facts().memoryBytes ?? 0;
    }
    console.info(`memory by type of the cache: ${JSON.stringify(sizes)}`);
    expect(sizes.q8_0).toBeLessThan(sizes.f16 ?? 0);
    expect(sizes.f16).toBeLessThan(sizes.f32 ?? 0);
    const narrow = models.write("narrow", { seed: 3, embeddingLength: 48, headCount: 2 });
    const refused = open(narrow, { kv: { keys: "q8_0", values: "q8_0" } });
    await expect(refused).rejects.toMatchObject({ code: "unsupported", field: "kv" });
  });

  it("says how much of its cache is in use", async () => {
    const backend = await open(bundledModel);
    expect(backend.load().heldTokens).toBe(0);
    const done = doneOf(await collect(backend, ask("Hello, who are you?")));
    const { promptTokens, completionTokens } = done.usage;
    expect(backend.load().heldTokens).toBeGreaterThanOrEqual(promptTokens);
    expect(backend.load().heldTokens).toBeLessThanOrEqual(promptTokens + completionTokens);
  });

  it("is not served with adapters as if it had them", async () => {
    const adapters = [{ name: "tone", source: "file:///tone.gguf" }];
    const refused = open(bundledModel, { adapters });
    await expect(refused).rejects.toMatchObject({ code: "unsupported", field: "adapters" });
  });
});
