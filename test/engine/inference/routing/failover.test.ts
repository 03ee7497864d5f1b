/** What a client notices of workers that fail, fall silent, are full or are drained: nothing. */
import { afterEach, expect, test, vi } from "vitest";
import { EngineError } from "../../../../engine/contract/errors.ts";
import { limits } from "../../../../engine/contract/limits.ts";
import { systemClock } from "../../../../engine/kit/clock.ts";
import { ask, createRoutingBench, type RoutingBench, say } from "../../../support/routing.ts";

const spec = { name: "assistant", source: "bundled:echo-tiny" };
const words = Array.from({ length: 40 }, (_, index) => `word${index}`).join(" ");
const expected = `You said: ${words}`;
let bench: RoutingBench | undefined;

afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

function start(...options: Parameters<typeof createRoutingBench>): RoutingBench {
  bench = createRoutingBench(...options);
  return bench;
}

/** Crashes the worker that answers after each `every` items; @returns what came. */
async function killOften(world: RoutingBench, every: number, killsMax: number): Promise<string> {
  using lease = await world.models.acquire("assistant", new AbortController().signal);
  let text = "";
  let items = 0;
  let kills = 0;
  for await (const item of lease.backend.generate(say(words), new AbortController().signal)) {
    if (item.type === "text") text += item.text;
    if (++items % every !== 0 || kills >= killsMax) continue;
    kills += 1;
    const worker = world.sent.at(-1)?.worker ?? "";
    world.backends.get(worker)?.crash();
  }
  return text;
}

test("a reply whose worker dies is gone on with elsewhere, to the letter", async () => {
  const world = start();
  world.catalog.set(spec, [{ id: "w1" }, { id: "w2" }, { id: "w3" }]);
  expect(await killOften(world, 9, limits.continuationsMax)).toBe(expected);
  expect(world.sent.length).toBe(1 + 4);
  expect(world.sent.at(-1)?.request.already?.tokens).toBeGreaterThan(30);
});

test("where every worker is dead, a reply waits for one that comes back", async () => {
  const world = start();
  world.catalog.set(spec, [{ id: "w1" }]);
  expect(await killOften(world, 20, 1)).toBe(expected);
  expect(world.log.map(line => line.message)).toContain("a worker is back");
});

test("a request that kills every worker is ended after a few", async () => {
  const world = start({
    scripted: () => ({
      script() {
        throw new EngineError("model_crashed", "This prompt is poison.");
      },
    }),
  });
  world.catalog.set(
    spec,
    Array.from({ length: 9 }, (_, index) => ({ id: `w${index}` })),
  );
  await expect(ask(world.models, "assistant", say("hello"))).rejects.toMatchObject({
    code: "model_crashed",
  });
  expect(world.sent.length).toBe(limits.continuationsMax + 1);
});

test("what is wrong with the request itself is not tried elsewhere", async () => {
  const world = start({ scripted: () => ({ contextTokens: 8 }) });
  world.catalog.set(spec, [{ id: "w1" }, { id: "w2" }]);
  await expect(ask(world.models, "assistant", say(words))).rejects.toMatchObject({
    code: "context_exceeded",
  });
  expect(world.sent.length).toBe(1);
});

test("a full worker is passed over, and where all are full the client is told so", async () => {
  const world = start({ scripted: () => ({ slots: 1, queueLength: () => 0, tokenMs: 50 }) });
  world.catalog.set(spec, [{ id: "w1" }, { id: "w2" }]);
  const gone = new AbortController();
  const long = [1, 2].map(() => ask(world.models, "assistant", say(words), gone.signal));
  await vi.waitFor(() => expect(new Set(world.sent.map(one => one.worker)).size).toBe(2));
  await expect(ask(world.models, "assistant", say("hi"))).rejects.toMatchObject({
    code: "overloaded",
  });
  gone.abort();
  await Promise.allSettled(long);
});

test("a drained worker gets nothing new and ends what it has", async () => {
  const world = start({ scripted: () => ({ tokenMs: 2 }) });
  world.catalog.set(spec, [{ id: "w1" }]);
  const running = ask(world.models, "assistant", say(words));
  await vi.waitFor(() => expect(world.sent).toHaveLength(1));
  world.catalog.set(spec, [{ id: "w1", accepting: false }, { id: "w2" }]);
  await ask(world.models, "assistant", say("hi"));
  expect(world.sent.at(-1)?.worker).toBe("w2");
  world.catalog.set(spec, [{ id: "w2" }]);
  expect((await running).text).toBe(expected);
  expect(world.sent).toHaveLength(2);
});

test("a worker that starts is asked until it serves, before the catalog says so, and no more once it was ready", async () => {
  let serves = false;
  const world = start({
    wrap(_, backend) {
      if (!serves) throw new EngineError("model_not_ready", "It loads.");
      return backend;
    },
  });
  const starting = { id: "w1", accepting: false, starting: true };
  world.catalog.set(spec, [starting]);
  const held = ask(world.models, "assistant", say("hi"));
  await vi.waitFor(() => expect(world.backends.has("w1")).toBe(true));
  expect(world.sent).toHaveLength(0);
  serves = true;
  await held;
  world.catalog.set(spec, [{ id: "w1" }]);
  await ask(world.models, "assistant", say("hi"));
  world.catalog.set(spec, [starting, { id: "w2" }]);
  await ask(world.models, "assistant", say("hi"));
  expect(world.sent.map(one => one.worker)).toEqual(["w1", "w1", "w2"]);
});

test("a worker is not left out because the gateway itself was held up", async () => {
  let asked = 0;
  const { catalog, models, log } = start({
    scripted: () => ({ tokenMs: 1_500 }),
    wrap: (_id, backend) => ({
      ...backend,
      async countTokens(input) {
        asked += 1;
        const untilMs = performance.now() + 800;
        while (performance.now() < untilMs);
        await systemClock.sleep(20);
        return backend.countTokens(input);
      },
    }),
  });
  catalog.set(spec, [{ id: "w1" }]);
  await ask(models, "assistant", { ...say("hello"), maxTokens: 1 });
  expect(asked).toBeGreaterThan(0);
  expect(log.map(line => line.message)).not.toContain("a worker is left out");
});

test("a worker that is silent without closing a connection is given up, and its reply goes on elsewhere", async () => {
  const hung = Promise.withResolvers<never>();
  const world = start({
    scripted: id => ({ tokenMs: 5, ...(id === "w1" ? { slots: 8 } : {}) }),
    // As a machine without power: neither an answer nor an error after the tenth word.
    wrap(id, backend) {
      if (id !== "w1") return backend;
      return {
        ...backend,
        countTokens: () => hung.promise,
        async *generate(request, signal) {
          const dead = new AbortController();
          signal.addEventListener("abort", () => hung.reject(signal.reason), { once: true });
          let items = 0;
          for await (const item of backend.generate(request, dead.signal)) {
            if (++items > 10) yield await hung.promise;
            yield item;
          }
        },
      };
    },
  });
  world.catalog.set(spec, [{ id: "w1" }]);
  const reply = ask(world.models, "assistant", say(words));
  await vi.waitFor(() => expect(world.sent).toHaveLength(1));
  world.catalog.set(spec, [{ id: "w1" }, { id: "w2" }]);
  expect((await reply).text).toBe(expected);
  expect(world.sent.map(one => one.worker)).toEqual(["w1", "w2"]);
});

test("no more held requests go out than the workers take, and all of them do", async () => {
  const world = start({ scripted: () => ({ slots: 2, queueLength: () => 2, tokenMs: 1 }) });
  world.catalog.set(spec, []);
  const replies = Array.from({ length: 200 }, (_, index) =>
    ask(world.models, "assistant", say(`hello ${index}`, `scope ${index}`)),
  );
  await vi.waitFor(() => expect(world.models.demand().get("assistant")?.held).toBe(200));
  world.catalog.set(spec, [{ id: "w1" }, { id: "w2" }]);
  const texts = (await Promise.all(replies)).map(reply => reply.text);
  expect(texts).toEqual(Array.from({ length: 200 }, (_, index) => `You said: hello ${index}`));
});

test("a model that nobody wakes is refused after its time, with what to look at", async () => {
  const world = start({ holdSeconds: 0.05 });
  world.catalog.set(spec, []);
  await expect(ask(world.models, "assistant", say("hi"))).rejects.toMatchObject({
    code: "model_not_ready",
    retryAfterSeconds: 30,
  });
});
