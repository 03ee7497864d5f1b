/** A process that stays silent is ended; one that answers, even late, is not. */
import { describe, expect, it } from "vitest";
import { watchPulse } from "../../../../engine/inference/llama/pulse.ts";

describe("pulse", () => {
  it("ends a process that leaves two questions unanswered", async () => {
    const world = createWorld();
    await world.pass(1);
    expect(world.silences()).toBe(0);
    await world.pass(1);
    expect(world.silences()).toBe(1);
  });

  it("leaves a process alone that answers every other question", async () => {
    const world = createWorld();
    for (let round = 0; round < 10; round++) {
      await world.pass(1);
      world.pulse.beat();
    }
    expect(world.silences()).toBe(0);
  });

  it("stops with the process", async () => {
    const world = createWorld();
    world.ended.abort();
    await world.pass(5);
    expect([world.asked(), world.silences()]).toEqual([1, 0]);
  });
});

function createWorld() {
  let asked = 0;
  let silences = 0;
  let wake = () => {};
  const ended = new AbortController();
  const clock = {
    now: () => 0,
    monotonic: () => 0,
    sleep: () => new Promise<void>(resolve => (wake = resolve)),
  };
  const pulse = watchPulse({
    clock,
    ask: () => (asked += 1),
    onSilence: () => (silences += 1),
    ended: ended.signal,
  });
  return {
    pulse,
    ended,
    asked: () => asked,
    silences: () => silences,
    /** Lets so many intervals go by. */
    async pass(intervals: number) {
      for (let interval = 0; interval < intervals; interval++) {
        wake();
        await new Promise(setImmediate);
      }
    },
  };
}
