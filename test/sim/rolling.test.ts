/** Rolling updates under load: workers are replaced one by one while the endpoints lag behind, and no stream fails. */
import { expect, test, vi } from "vitest";
import type { WorkerAddress } from "../../engine/inference/routing/catalog.ts";
import { systemClock } from "../../engine/kit/clock.ts";
import { createSeededRandom } from "../../engine/kit/random.ts";
import { ask, createRoutingBench, say } from "../support/routing.ts";

vi.setConfig({ testTimeout: 120_000 });

const spec = { name: "assistant", source: "bundled:echo-tiny" };
const rolls = 10;
const streams = 1_000;
const seed = 4;

/** All times are a hundredth of a cluster's: endpoints lag up to 5 s there, 50 ms here. */
const lagMs = 50;

test(`${streams} streams over ${rolls} rolls, endpoints up to ${lagMs} ms late, seed ${seed}`, async () => {
  const random = createSeededRandom(seed);
  const world = createRoutingBench({ scripted: () => ({ tokenMs: 2, slots: 64 }) });
  const workers = new Map<string, Partial<WorkerAddress> & { id: string }>();
  let version = 0;
  const start = (index: number) => {
    const id = `worker-${index}-${version}`;
    workers.set(id, { id });
  };
  const publish = async () => {
    const seen = [...workers.values()].map(worker => ({ ...worker }));
    await systemClock.sleep(random() * lagMs);
    world.catalog.set(spec, seen);
  };
  for (const index of [0, 1, 2]) start(index);
  await publish();

  let failed = 0;
  let wrong = 0;
  let isRolling = true;
  const client = async (first: number) => {
    for (let count = first; count < streams || isRolling; count += 40) {
      const text = `stream ${count} says these few words and then a few more of them`;
      const reply = await ask(world.models, "assistant", say(text, `scope ${count}`)).catch(() => {
        failed += 1;
      });
      if (reply !== undefined && reply.text !== `You said: ${text}`) wrong += 1;
    }
  };
  const clients = Array.from({ length: 40 }, (_, index) => client(index));
  for (version = 1; version <= rolls; version++)
    for (const index of [0, 1, 2]) {
      const old = `worker-${index}-${version - 1}`;
      start(index);
      await publish();
      workers.set(old, { id: old, accepting: false });
      // It stops at once, long before the gateway hears of it: what it has goes on elsewhere.
      const told = publish();
      await world.backends.get(old)?.close();
      await told;
      workers.delete(old);
      await publish();
    }
  isRolling = false;
  await Promise.all(clients);
  const moved = world.sent.filter(({ request }) => request.already !== undefined).length;
  process.stdout.write(
    `${world.sent.length} attempts, ${moved} gone on with elsewhere: ${failed} failed, ${wrong} wrong\n`,
  );
  expect({ failed, wrong }).toEqual({ failed: 0, wrong: 0 });
  expect(world.sent.length).toBeGreaterThanOrEqual(streams);
  await world.close();
});
