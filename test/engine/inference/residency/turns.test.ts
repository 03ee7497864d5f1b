/** Turns: so many at once, the urgent first, and whoever gives up makes room. */
import { expect, test } from "vitest";
import { createTurns } from "../../../../engine/inference/residency/turns.ts";

const never = new AbortController().signal;

function createWork() {
  const order: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (name: string) => () => {
    order.push(name);
    return new Promise<string>(resolve => ends.set(name, () => resolve(name)));
  };
  return { order, work, end: (name: string) => ends.get(name)?.() };
}

const settle = () => new Promise(resolve => setImmediate(resolve));

test("no more than the capacity run, the urgent before the others, each in the order of coming", async () => {
  const { order, work, end } = createWork();
  const turns = createTurns(1);
  const all = ["a", "b", "c"].map(name => turns.run(0, never, work(name)));
  all.push(turns.run(1, never, work("urgent")));
  await settle();
  expect(order).toEqual(["a"]);
  for (const name of ["a", "urgent", "b", "c"]) {
    end(name);
    await settle();
  }
  expect(order).toEqual(["a", "urgent", "b", "c"]);
  expect(await Promise.all(all)).toEqual(["a", "b", "c", "urgent"]);
});

test("who gives up while waiting leaves the queue, and failed work leaves its place", async () => {
  const { order, work, end } = createWork();
  const turns = createTurns(1);
  const failing = turns.run(0, never, async () => {
    await settle();
    throw new Error("broken");
  });
  const leaving = new AbortController();
  const left = turns.run(0, leaving.signal, work("left"));
  const next = turns.run(0, never, work("next"));
  leaving.abort();
  await expect(left).rejects.toMatchObject({ code: "cancelled" });
  await expect(failing).rejects.toThrow("broken");
  await settle();
  end("next");
  expect(await next).toBe("next");
  expect(order).toEqual(["next"]);
  await expect(turns.run(0, leaving.signal, work("late"))).rejects.toMatchObject({
    code: "cancelled",
  });
});
