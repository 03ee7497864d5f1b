/** A gateway's models: what is asked of them is answered by whichever worker can. */
import { afterEach, expect, test, vi } from "vitest";
import { EngineError } from "../../../../engine/contract/errors.ts";
import { ask, createRoutingBench, type RoutingBench, say } from "../../../support/routing.ts";

const spec = { name: "assistant", source: "bundled:echo-tiny", aliases: ["llama3.2:1b"] };
const never = new AbortController().signal;
let bench: RoutingBench | undefined;

afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

function start(...options: Parameters<typeof createRoutingBench>): RoutingBench {
  bench = createRoutingBench(...options);
  return bench;
}

test("a model with a worker is ready and answers, by any of its names", async () => {
  const { catalog, models } = start();
  catalog.set(spec, [{ id: "w1" }]);
  expect((await ask(models, "llama3.2:1b", say("hello"))).text).toBe("You said: hello");
  expect(models.find("assistant:latest")?.state).toBe("ready");
  expect(models.list().map(model => model.spec.name)).toEqual(["assistant"]);
  expect(models.readiness()).toEqual({ ready: true, reasons: [] });
});

test("a model's sampling is what requests have that name none, and a change holds at once", async () => {
  const { catalog, models, sent } = start();
  catalog.set({ ...spec, sampling: { temperature: 0.5, topK: 7 } }, [{ id: "w1" }]);
  await ask(models, "assistant", { ...say("hello"), sampling: { topK: 9 } });
  catalog.set({ ...spec, sampling: { minP: 0.1 } }, [{ id: "w1" }]);
  await ask(models, "assistant", say("hello"));
  expect(sent.map(({ request }) => request.sampling)).toEqual([
    { temperature: 0.5, topK: 9 },
    { minP: 0.1 },
  ]);
});

test("a request for a model without a worker waits until there is one, and says so", async () => {
  const { catalog, models } = start();
  catalog.set(spec, []);
  const reply = ask(models, "assistant", say("hello"));
  await vi.waitFor(() => expect(catalog.woken).toEqual(["assistant"]));
  expect(models.demand().get("assistant")?.held).toBe(1);
  catalog.set(spec, [{ id: "w1" }]);
  expect((await reply).text).toBe("You said: hello");
});

test("a worker that comes after a scope was forgotten is told of it, and one that was away as well", async () => {
  const told: string[] = [];
  const { catalog, models } = start({
    wrap: (id, backend) => ({
      ...backend,
      forget: scope => void told.push(`${id} ${scope}`),
    }),
  });
  catalog.set(spec, [{ id: "w1" }]);
  await ask(models, "assistant", say("hello"));
  models.forget("first");
  catalog.set(spec, [{ id: "w1", accepting: false }]);
  models.forget("second");
  expect(told).toEqual(["w1 first", "w1 second"]);
  catalog.set(spec, [{ id: "w1" }, { id: "w2" }]);
  await vi.waitFor(() => expect(told.filter(line => line.startsWith("w2"))).toHaveLength(2));
  // What it may not have heard is said again, and nothing else.
  expect(told).toEqual(["w1 first", "w1 second", "w1 second", "w2 first", "w2 second"]);
});

test("a client that goes away waits no longer", async () => {
  const { catalog, models } = start();
  catalog.set(spec, []);
  const gone = new AbortController();
  const reply = ask(models, "assistant", say("hello"), gone.signal);
  await vi.waitFor(() => expect(models.demand().get("assistant")?.held).toBe(1));
  gone.abort();
  await expect(reply).rejects.toMatchObject({ code: "cancelled" });
  expect(models.demand().get("assistant")?.held).toBe(0);
});

test("an unknown model, a change and a removal are refused with what to do", async () => {
  const { catalog, models } = start();
  catalog.set(spec, [{ id: "w1" }]);
  await expect(models.acquire("nobody", never)).rejects.toMatchObject({ code: "model_not_found" });
  await expect(models.remove("assistant", "client")).rejects.toBeInstanceOf(EngineError);
  const status = models.find("assistant");
  const applied = models.apply(status!.spec, "client", never)[Symbol.asyncIterator]();
  await expect(applied.next()).rejects.toMatchObject({ code: "owned_by_stack" });
});
