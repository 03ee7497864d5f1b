/** The work queue in virtual time. */
import { expect, test } from "vitest";
import { createSeededRandom } from "../../../engine/kit/random.ts";
import { createWorkQueue } from "../../../engine/operator/work-queue.ts";

const make = () => createWorkQueue({ random: () => 1, firstMs: 100, maxMs: 1_000 });

test("a key is handed out once, however often it was said, in the order of arrival", () => {
  const queue = make();
  for (const key of ["a", "b", "a"]) queue.add(key, 0);
  expect([queue.take(0), queue.take(0), queue.take(0)]).toEqual(["a", "b", undefined]);
});

test("what is said while it is worked on is looked at once more", () => {
  const queue = make();
  queue.add("a", 0);
  queue.take(0);
  queue.add("a", 1);
  queue.add("a", 2);
  expect(queue.take(5)).toBeUndefined();
  queue.finish("a", "done", 5);
  expect([queue.take(5), queue.take(5)]).toEqual(["a", undefined]);
});

test("failures wait twice as long each time, up to the longest, and news do not shorten it", () => {
  const queue = make();
  let nowMs = 0;
  const waits = Array.from({ length: 6 }, () => {
    queue.add("a", nowMs);
    expect(queue.take(nowMs)).toBe("a");
    const dueMs = queue.finish("a", "failed", nowMs) ?? 0;
    queue.add("a", nowMs);
    expect(queue.take(dueMs - 1)).toBeUndefined();
    const wait = dueMs - nowMs;
    nowMs = dueMs;
    return wait;
  });
  expect(waits).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  queue.take(nowMs);
  queue.finish("a", "done", nowMs);
  queue.add("a", nowMs);
  queue.take(nowMs);
  expect(queue.finish("a", "failed", nowMs)).toBe(nowMs + 100);
});

test("an earlier time that is known holds", () => {
  const queue = make();
  queue.addAt("a", 50);
  queue.addAt("a", 90);
  expect(queue.nextMs()).toBe(50);
  queue.addAt("a", 20);
  expect([queue.take(19), queue.take(20)]).toEqual([undefined, "a"]);
});

test("whatever comes in which order, no key has two workers and none is forgotten", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = createSeededRandom(seed);
    const queue = createWorkQueue({ random, firstMs: 10, maxMs: 100 });
    const held = new Set<string>();
    const said = new Map<string, number>();
    let nowMs = 0;
    for (let step = 0; step < 400; step++) {
      nowMs += Math.floor(random() * 5);
      const key = `k${Math.floor(random() * 6)}`;
      if (random() < 0.4) {
        queue.add(key, nowMs);
        said.set(key, step);
      } else if (random() < 0.6) {
        const taken = queue.take(nowMs);
        if (taken === undefined) continue;
        expect(held.has(taken)).toBe(false);
        held.add(taken);
        said.delete(taken);
      } else if (held.delete(key)) queue.finish(key, random() < 0.3 ? "failed" : "done", nowMs);
    }
    for (const key of held) queue.finish(key, "done", nowMs);
    const left = new Set<string>();
    for (let key = queue.take(nowMs + 1_000); key; key = queue.take(nowMs + 1_000)) left.add(key);
    expect([...left]).toEqual(expect.arrayContaining([...said.keys()]));
  }
});
