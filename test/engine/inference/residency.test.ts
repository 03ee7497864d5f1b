/** Served models: what is applied is kept and comes back, nothing is unloaded under a request, and readiness keeps its word. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { EngineError } from "../../../engine/contract/errors.ts";
import { limits } from "../../../engine/contract/limits.ts";
import type { ModelStatus } from "../../../engine/contract/model.ts";
import type { Clock } from "../../../engine/kit/clock.ts";
import {
  type Bench,
  type BenchOptions,
  createBench,
  createGate,
  toSpec,
} from "../../support/served-model-bench.ts";

const never = new AbortController().signal;
const benches: Bench[] = [];

async function bench(options: BenchOptions = {}): Promise<Bench> {
  const made = await createBench(options);
  benches.push(made);
  return made;
}

afterEach(async () => {
  for (const made of benches.splice(0)) {
    await made.close();
    expect(made.backends.filter(backend => backend.isOpen())).toEqual([]);
  }
});

async function collect(statuses: AsyncIterable<ModelStatus>): Promise<ModelStatus[]> {
  const all: ModelStatus[] = [];
  for await (const status of statuses) all.push(status);
  return all;
}

const apply = (made: Bench, spec: Parameters<typeof toSpec>[0], owner: "stack" | "client") =>
  collect(made.served.apply(toSpec(spec), owner, never));

const readRecord = (made: Bench) => JSON.parse(readFileSync(made.recordPath, "utf8"));

test("an applied model goes through its states to ready, is recorded before, and answers", async () => {
  const made = await bench();
  const recorded: unknown[] = [];
  for await (const status of made.served.apply(toSpec({ name: "a" }), "client", never)) {
    recorded.push(readRecord(made).models[0]?.spec.name);
    if (status.state === "ready") expect(status.contextTokens).toBe(4096);
  }
  expect(new Set(recorded)).toEqual(new Set(["a"]));
  const lease = await made.served.acquire("a:latest", never);
  expect(lease.status.state).toBe("ready");
  expect(await lease.backend.countTokens({ kind: "prompt", prompt: "hello" })).toBeGreaterThan(0);
  lease[Symbol.dispose]();
});

test("a reader of apply sees each state once, and progress in between", async () => {
  const gate = createGate();
  const made = await bench({
    onResolve: async (_, signal, progress) => {
      progress(40);
      await gate.wait(signal);
    },
  });
  const seen: string[] = [];
  for await (const status of made.served.apply(toSpec({ name: "a" }), "client", never)) {
    seen.push(status.progress ? `${status.state} ${status.progress.completedBytes}` : status.state);
    if (status.progress) gate.open();
  }
  expect(seen).toEqual(expect.arrayContaining(["fetching 40", "loading", "ready"]));
  expect(seen.indexOf("fetching 40")).toBeLessThan(seen.indexOf("loading"));
  expect(seen.at(-1)).toBe("ready");
});

test("applying the same again says so once and loads nothing", async () => {
  const made = await bench();
  await apply(made, { name: "a" }, "stack");
  const again = await apply(made, { name: "a" }, "stack");
  expect(again.map(status => status.state)).toEqual(["ready"]);
  expect(made.backends).toHaveLength(1);
});

test("two applies of the same at once share one load", async () => {
  const gate = createGate();
  const made = await bench({ onLoad: (_, signal) => gate.wait(signal) });
  const both = [apply(made, { name: "a" }, "stack"), apply(made, { name: "a" }, "stack")];
  await vi.waitUntil(() => gate.waiting() === 1);
  gate.open();
  for (const statuses of await Promise.all(both)) expect(statuses.at(-1)?.state).toBe("ready");
  expect(made.backends).toHaveLength(1);
});

test("a newer spec supersedes one that is still being loaded", async () => {
  const gate = createGate();
  const made = await bench({
    onLoad: (spec, signal) => (spec.slots === 1 ? gate.wait(signal) : undefined),
  });
  const older = apply(made, { name: "a", slots: 1 }, "stack");
  older.catch(() => undefined);
  await vi.waitUntil(() => gate.waiting() === 1);
  const newer = await apply(made, { name: "a", slots: 2 }, "stack");
  await expect(older).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringMatching(/changed again/),
  });
  expect(newer.at(-1)).toMatchObject({ state: "ready", spec: { slots: 2 } });
});

test("a backend that opens too late for anyone is closed", async () => {
  const gate = createGate();
  // This one does not look at its signal.
  const made = await bench({ onLoad: spec => (spec.slots === 1 ? gate.wait() : undefined) });
  const older = apply(made, { name: "a", slots: 1 }, "stack");
  older.catch(() => undefined);
  await vi.waitUntil(() => gate.waiting() === 1);
  await apply(made, { name: "a", slots: 2 }, "stack");
  gate.open();
  await vi.waitUntil(() => made.backends.length === 2);
  await vi.waitUntil(() => made.backends.filter(backend => backend.isOpen()).length === 1);
  expect(made.backends.find(backend => backend.isOpen())?.spec.slots).toBe(2);
});

test("a replaced model serves until its successor is ready, and its running requests to their end", async () => {
  const gate = createGate();
  const made = await bench({
    onLoad: (spec, signal) => (spec.slots === 2 ? gate.wait(signal) : undefined),
  });
  await apply(made, { name: "a", slots: 1 }, "stack");
  const running = await made.served.acquire("a", never);
  const change = apply(made, { name: "a", slots: 2 }, "stack");
  await vi.waitUntil(() => gate.waiting() === 1);
  const meanwhile = await made.served.acquire("a", never);
  expect(meanwhile.status.spec.slots).toBe(1);
  meanwhile[Symbol.dispose]();
  gate.open();
  await change;
  const next = await made.served.acquire("a", never);
  expect(next.status.spec.slots).toBe(2);
  const [old] = made.backends;
  expect(old?.isOpen()).toBe(true);
  running[Symbol.dispose]();
  running[Symbol.dispose]();
  expect(old?.isOpen()).toBe(false);
  next[Symbol.dispose]();
});

test("a change that fails leaves the old model serving and says why", async () => {
  const made = await bench({
    onLoad: spec => {
      if (spec.slots === 2) throw new EngineError("invalid_model_file", "It is broken.");
    },
  });
  await apply(made, { name: "a", slots: 1 }, "stack");
  await expect(apply(made, { name: "a", slots: 2 }, "stack")).rejects.toMatchObject({
    code: "invalid_model_file",
  });
  expect(made.served.find("a")).toMatchObject({
    state: "failed",
    error: { message: "It is broken." },
  });
  const lease = await made.served.acquire("a", never);
  expect(lease.status.spec.slots).toBe(1);
  lease[Symbol.dispose]();
});

test("new aliases need no new load", async () => {
  const made = await bench();
  await apply(made, { name: "a" }, "stack");
  await apply(made, { name: "a", aliases: ["llama3.2:1b"] }, "stack");
  expect(made.served.find("llama3.2:1b")?.spec.name).toBe("a");
  expect(made.backends).toHaveLength(1);
  expect(readRecord(made).models[0].spec.aliases).toEqual(["llama3.2:1b"]);
});

test("what was applied comes back after a restart: the stack's in memory, the client's on disk", async () => {
  const made = await bench();
  await apply(made, { name: "mine" }, "client");
  await apply(made, { name: "ours" }, "stack");
  await made.restart();
  expect(made.served.list().map(status => status.spec.name)).toEqual(["mine", "ours"]);
  await vi.waitUntil(() => made.served.find("ours")?.state === "ready");
  await vi.waitUntil(() => made.served.find("mine")?.state === "unloaded");
  const lease = await made.served.acquire("mine", never);
  expect(lease.status.state).toBe("ready");
  lease[Symbol.dispose]();
});

test("required models come first, one load at a time", async () => {
  const order: string[] = [];
  let inside = 0;
  const configured = [
    toSpec({ name: "optional", required: false }),
    toSpec({ name: "x" }),
    toSpec({ name: "y" }),
  ];
  const made = await bench({
    configured,
    onLoad: async spec => {
      order.push(spec.name);
      inside += 1;
      expect(inside).toBe(1);
      await new Promise(resolve => setImmediate(resolve));
      inside -= 1;
    },
  });
  await vi.waitUntil(() => made.served.list().every(status => status.state === "ready"));
  expect(order).toEqual(["x", "y", "optional"]);
});

test("readiness waits for the required models of the start, and for no other", async () => {
  const gate = createGate();
  const made = await bench({
    configured: [toSpec({ name: "base" }), toSpec({ name: "extra", required: false })],
    onLoad: (spec, signal) => {
      if (spec.name === "base") return gate.wait(signal);
      throw new EngineError("invalid_model_file", "It is broken.");
    },
  });
  expect(made.served.readiness()).toEqual({
    ready: false,
    reasons: [expect.stringMatching(/^"base" is /)],
  });
  gate.open();
  await vi.waitUntil(() => made.served.readiness().ready);
  await expect(apply(made, { name: "late" }, "stack")).rejects.toThrow("It is broken.");
  expect(made.served.readiness()).toEqual({ ready: true, reasons: [] });
});

test("a required model that cannot be served is the reason for not being ready", async () => {
  const made = await bench({
    configured: [toSpec({ name: "base" })],
    onResolve: () => {
      throw new EngineError("source_unreachable", "There is no network.");
    },
  });
  await vi.waitUntil(() => made.served.find("base")?.state === "failed");
  expect(made.served.readiness().reasons).toEqual([
    '"base" cannot be served: There is no network.',
  ]);
  await expect(made.served.acquire("base", never)).rejects.toMatchObject({
    code: "model_not_ready",
    message: expect.stringMatching(/There is no network/),
  });
});

test("a failed model is tried again when it is applied again", async () => {
  let isBroken = true;
  const made = await bench({
    onResolve: () => {
      if (isBroken) throw new EngineError("source_unreachable", "There is no network.");
    },
  });
  await expect(apply(made, { name: "a" }, "stack")).rejects.toMatchObject({
    code: "source_unreachable",
  });
  isBroken = false;
  expect((await apply(made, { name: "a" }, "stack")).at(-1)?.state).toBe("ready");
});

test("a backend that was given up makes the model failed, and applying it again brings it back", async () => {
  const made = await bench({ configured: [toSpec({ name: "base" })] });
  await vi.waitUntil(() => made.served.readiness().ready);
  const lease = await made.served.acquire("base", never);
  made.backends[0]?.crash(new EngineError("model_not_ready", "It died too often."));
  expect(made.served.readiness().reasons).toEqual(['"base" cannot be served: It died too often.']);
  await expect(made.served.acquire("base", never)).rejects.toMatchObject({
    code: "model_not_ready",
    message: expect.stringMatching(/It died too often/),
  });
  lease[Symbol.dispose]();
  expect(made.backends[0]?.isOpen()).toBe(false);
  expect((await apply(made, { name: "base" }, "stack")).at(-1)?.state).toBe("ready");
  expect(made.served.readiness().ready).toBe(true);
});

test("a request for a model that is being transferred is told so instead of kept", async () => {
  const gate = createGate();
  const made = await bench({
    onResolve: async (_, signal, progress) => {
      progress(40);
      await gate.wait(signal);
    },
  });
  const applied = apply(made, { name: "a" }, "client");
  await vi.waitUntil(() => made.served.find("a")?.progress !== undefined);
  await expect(made.served.acquire("a", never)).rejects.toMatchObject({
    code: "model_not_ready",
    message: expect.stringMatching(/being fetched \(40 %\)/),
    retryAfterSeconds: expect.any(Number),
  });
  gate.open();
  await applied;
});

test("a client neither changes nor removes what the stack owns", async () => {
  const made = await bench({ configured: [toSpec({ name: "base" })] });
  await vi.waitUntil(() => made.served.readiness().ready);
  await expect(apply(made, { name: "base", slots: 9 }, "client")).rejects.toMatchObject({
    code: "owned_by_stack",
    remedy: expect.stringMatching(/stack file/),
  });
  await expect(made.served.remove("base", "client")).rejects.toMatchObject({
    code: "owned_by_stack",
  });
  expect((await apply(made, { name: "base" }, "client")).at(-1)?.owner).toBe("stack");
  await made.served.remove("base", "stack");
  await expect(made.served.acquire("base", never)).rejects.toMatchObject({
    code: "model_not_found",
  });
});

test("a name that another model answers to is refused", async () => {
  const made = await bench();
  await apply(made, { name: "a", aliases: ["b"] }, "stack");
  await expect(apply(made, { name: "b" }, "client")).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringMatching(/belongs to the model "a"/),
  });
});

test("a removed model ends its running requests in peace", async () => {
  const made = await bench();
  await apply(made, { name: "a" }, "client");
  const lease = await made.served.acquire("a", never);
  await made.served.remove("a", "client");
  expect(made.served.find("a")).toBeUndefined();
  expect(readRecord(made).models).toEqual([]);
  expect(made.backends[0]?.isOpen()).toBe(true);
  lease[Symbol.dispose]();
  expect(made.backends[0]?.isOpen()).toBe(false);
});

test("removing a model that is being loaded ends the apply that waits for it", async () => {
  const gate = createGate();
  const made = await bench({ onLoad: (_, signal) => gate.wait(signal) });
  const applied = apply(made, { name: "a" }, "client");
  applied.catch(() => undefined);
  await vi.waitUntil(() => gate.waiting() === 1);
  await made.served.remove("a", "client");
  await expect(applied).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringMatching(/removed/),
  });
});

test("a reader that goes away ends nothing but its reading", async () => {
  const gate = createGate();
  const made = await bench({ onLoad: (_, signal) => gate.wait(signal) });
  const leaving = new AbortController();
  const applied = collect(made.served.apply(toSpec({ name: "a" }), "stack", leaving.signal));
  applied.catch(() => undefined);
  await vi.waitUntil(() => gate.waiting() === 1);
  leaving.abort();
  await expect(applied).rejects.toMatchObject({ code: "cancelled" });
  gate.open();
  await vi.waitUntil(() => made.served.find("a")?.state === "ready");
});

test("a client's model is unloaded when idle, a stack's is not, and the next request loads it again", async () => {
  const clock = createManualClock();
  const made = await bench({ clock });
  await apply(made, { name: "mine" }, "client");
  await apply(made, { name: "ours" }, "stack");
  expect(made.served.find("mine")?.expiresMs).toBe(clock.now() + limits.keepAliveMsDefault);
  expect(made.served.find("ours")?.expiresMs).toBeUndefined();
  const lease = await made.served.acquire("mine", never);
  clock.advance(limits.keepAliveMsDefault * 2);
  await settle();
  expect(made.served.find("mine")?.state).toBe("ready");
  lease[Symbol.dispose]();
  clock.advance(limits.keepAliveMsDefault);
  await vi.waitUntil(() => made.served.find("mine")?.state === "unloaded");
  expect(made.served.find("ours")?.state).toBe("ready");
  expect(made.backends[0]?.isOpen()).toBe(false);
  (await made.served.acquire("mine", never))[Symbol.dispose]();
  expect(made.served.find("mine")?.state).toBe("ready");
});

test("keepAlive: never, at once, and for longer than a timer can wait", async () => {
  const clock = createManualClock();
  const made = await bench({ clock });
  await apply(made, { name: "a" }, "client");
  made.served.keepAlive("a", Number.POSITIVE_INFINITY);
  expect(made.served.find("a")?.expiresMs).toBeUndefined();
  made.served.keepAlive("a", 2 ** 33);
  clock.advance(2 ** 32);
  await settle();
  expect(made.served.find("a")?.state).toBe("ready");
  const lease = await made.served.acquire("a", never);
  made.served.keepAlive("a", 0);
  expect(made.served.find("a")?.state).toBe("ready");
  lease[Symbol.dispose]();
  expect(made.served.find("a")?.state).toBe("unloaded");
  // With 0 still in force a request gets its model nevertheless.
  (await made.served.acquire("a", never))[Symbol.dispose]();
  expect(made.served.find("a")?.state).toBe("unloaded");
  expect(() => made.served.keepAlive("nobody", 1)).toThrow(/no model "nobody"/);
});

test("a load that takes too long fails with a sentence", async () => {
  const clock = createManualClock();
  const gate = createGate();
  const made = await bench({ clock, onLoad: (_, signal) => gate.wait(signal) });
  const applied = apply(made, { name: "a" }, "stack");
  applied.catch(() => undefined);
  await vi.waitUntil(() => gate.waiting() === 1);
  clock.advance(limits.loadMsMax);
  await expect(applied).rejects.toMatchObject({ code: "deadline_exceeded" });
});

test("closing ends what is loading, what runs and who waits", async () => {
  const gate = createGate();
  const made = await bench({
    onLoad: (spec, signal) => (spec.name === "slow" ? gate.wait(signal) : undefined),
  });
  await apply(made, { name: "a" }, "stack");
  await made.served.acquire("a", never);
  const applied = apply(made, { name: "slow" }, "stack");
  applied.catch(() => undefined);
  const acquired = made.served.acquire("slow", never);
  acquired.catch(() => undefined);
  await vi.waitUntil(() => gate.waiting() === 1);
  await made.served.close();
  await expect(applied).rejects.toMatchObject({ code: "stopping" });
  await expect(acquired).rejects.toBeInstanceOf(EngineError);
  expect(made.backends.every(backend => !backend.isOpen())).toBe(true);
  await expect(apply(made, { name: "b" }, "stack")).rejects.toMatchObject({ code: "stopping" });
});

test("a record that is no record is kept aside and said so", async () => {
  const made = await bench();
  await apply(made, { name: "a" }, "stack");
  writeFileSync(made.recordPath, '{"version": 1, "models": [{"spec"');
  await made.restart();
  expect(made.served.list()).toEqual([]);
  expect(readdirSync(dirname(made.recordPath))).toContainEqual(
    expect.stringMatching(/^models\.json\.wrong-/),
  );
  expect(made.logged.join("")).toMatch(/record of served models is wrong/);
});

test("of a record with a wrong entry the right ones are served", async () => {
  const made = await bench();
  await apply(made, { name: "a" }, "stack");
  const { models } = readRecord(made);
  const text = JSON.stringify({ version: 1, models: [...models, { spec: { name: "B!" } }] });
  writeFileSync(made.recordPath, text);
  await made.restart();
  expect(made.served.list().map(status => status.spec.name)).toEqual(["a"]);
  expect(made.logged.join("")).toMatch(/models\[1\]\.spec\.name/);
});

test("states and load times are measured", async () => {
  const made = await bench();
  await apply(made, { name: "a" }, "stack");
  const text = made.metrics.render();
  expect(text).toMatch(/echorator_model_state\{model="a",state="ready"\} 1/);
  expect(text).toMatch(/echorator_model_state\{model="a",state="loading"\} 0/);
  expect(text).toMatch(/echorator_model_load_seconds_count\{model="a"\} 1/);
});

test("what a model is doing is measured while it is served, and not after", async () => {
  const made = await bench();
  await apply(made, { name: "a" }, "stack");
  const lease = await made.served.acquire("a", new AbortController().signal);
  const generation = lease.backend
    .generate(
      { input: { kind: "prompt", prompt: "one two" }, cacheScope: "s" },
      new AbortController().signal,
    )
    [Symbol.asyncIterator]();
  await generation.next();
  expect(made.metrics.render()).toContain('echorator_slots_busy{model="a"} 1\n');
  await generation.return?.();
  expect(made.metrics.render()).toContain('echorator_slots_busy{model="a"} 0\n');
  lease[Symbol.dispose]();
  await made.served.remove("a", "stack");
  expect(made.metrics.render()).not.toMatch(/(slots_busy|queue_length|model_state)\{model="a"/);
});

/** Time that stands still until it is moved. */
function createManualClock(): Clock & { advance(ms: number): void } {
  let now = 1_800_000_000_000;
  const sleepers = new Set<{ at: number; wake: () => void }>();
  return {
    now: () => now,
    monotonic: () => now,
    sleep(ms, signal) {
      return new Promise(resolve => {
        const sleeper = { at: now + ms, wake: resolve };
        if (signal?.aborted) return resolve();
        sleepers.add(sleeper);
        signal?.addEventListener("abort", () => {
          sleepers.delete(sleeper);
          resolve();
        });
      });
    },
    advance(ms) {
      now += ms;
      for (const sleeper of [...sleepers]) {
        if (sleeper.at > now) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
    },
  };
}

/** Lets everything happen that needs no time. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve));
}
