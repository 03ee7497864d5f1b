/** The decode loop fills its batches, mixes prompts in, and lets go of who is cancelled. */
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import {
  createDecodeLoop,
  type DecodeTask,
  planBatch,
} from "../../../../engine/inference/llama/decode-loop.ts";

const state = (replies: boolean, length: number) => ({
  replies,
  task: { prompt: new Array<number>(length).fill(0) },
});

describe("batches", () => {
  it("take one token of each that replies and prompts in order", () => {
    expect(planBatch([state(true, 0), state(true, 0)], 512)).toEqual([1, 1]);
    expect(planBatch([state(false, 700), state(false, 10)], 512)).toEqual([512, 0]);
    expect(planBatch([state(false, 100), state(false, 10)], 512)).toEqual([100, 10]);
  });

  it("hold long prompts back while others reply", () => {
    expect(planBatch([state(true, 0), state(false, 700)], 512)).toEqual([1, 64]);
    expect(planBatch([state(true, 0), state(false, 700)], 8)).toEqual([1, 7]);
  });
});

describe("decode loop", () => {
  it("steps all sequences together until each has ended", async () => {
    const world = createWorld();
    const tasks = [world.task(3), world.task(5), world.task(1)];
    for (const task of tasks) world.loop.add(task);
    await world.allEnded();
    expect(world.batches).toEqual([3, 2, 2, 1, 1]);
    expect(world.ended.every(([, error]) => error === undefined)).toBe(true);
  });

  it("ends a cancelled task at the end of its batch and goes on with the others", async () => {
    const world = createWorld();
    const endless = world.task(Number.POSITIVE_INFINITY);
    world.loop.add(endless);
    world.loop.add(world.task(4));
    await turn();
    world.loop.cancel(endless, "gone");
    await world.allEnded();
    expect(world.ended.find(([task]) => task === endless)?.[1]).toBe("gone");
    expect(world.stopped.has(endless)).toBe(true);
  });

  it("ends a cancelled task at once while it waits for cores", () => {
    const world = createWorld(() => new Promise(() => {}));
    const task = world.task(4);
    world.loop.add(task);
    world.loop.cancel(task, "gone");
    expect(world.ended).toEqual([[task, "gone"]]);
  });

  it("gives a failure to the task that failed", async () => {
    const world = createWorld();
    const failing = world.task(4);
    failing.decoder.next = () => Promise.reject(new Error("broken"));
    world.loop.add(failing);
    world.loop.add(world.task(2));
    await world.allEnded();
    expect(world.ended.find(([task]) => task === failing)?.[1]).toMatchObject({
      message: "broken",
    });
  });
});

function createWorld(enter: () => Promise<void> = () => Promise.resolve()) {
  const batches: number[] = [];
  const ended: [DecodeTask, unknown][] = [];
  const stopped = new Set<DecodeTask>();
  let open = 0;
  const loop = createDecodeLoop({
    batchSize: 512,
    enter,
    leave: () => {},
    onBatch: sequences => batches.push(sequences),
    flush: () => {},
  });
  /** A sequence that gives `length` tokens. */
  const task = (length: number): DecodeTask => {
    open += 1;
    let given = 0;
    const next = async () => {
      await turn();
      return given++ < length ? 7 : undefined;
    };
    const made: DecodeTask = {
      decoder: {
        prefill: async () => {},
        begin: next,
        next,
        stop: async () => void stopped.add(made),
      },
      prompt: [1, 2, 3],
      onToken: () => given < length,
      onEnd(error) {
        open -= 1;
        ended.push([made, error]);
      },
    };
    return made;
  };
  return {
    batches,
    ended,
    stopped,
    loop,
    task,
    async allEnded() {
      while (open > 0) await turn();
    },
  };
}
