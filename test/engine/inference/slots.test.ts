/** Slots: order, bounds, and nobody who gave up is ever admitted. */
import { describe, expect, it } from "vitest";
import { EngineError } from "../../../engine/contract/errors.ts";
import { limits } from "../../../engine/contract/limits.ts";
import { createSlots } from "../../../engine/inference/slots.ts";
import { createStopFilter } from "../../../engine/inference/stop-strings.ts";
import { systemClock } from "../../../engine/kit/clock.ts";

const never = () => new AbortController().signal;
const open = (capacity: number, queueLength = 10) =>
  createSlots({ capacity, queueLength: () => queueLength, clock: systemClock });

describe("slots", () => {
  it("admit in the order of arrival", async () => {
    const slots = open(1);
    const release = await slots.take(never());
    const order: number[] = [];
    const waiting = [1, 2, 3].map(async number => {
      const done = await slots.take(never());
      order.push(number);
      done();
    });
    expect(slots.waiting()).toBe(3);
    release();
    release();
    await Promise.all(waiting);
    expect(order).toEqual([1, 2, 3]);
    expect(slots.busy()).toBe(0);
  });

  it("refuse when the queue is full, with a time to come back", async () => {
    const slots = open(1, 0);
    await slots.take(never());
    await expect(slots.take(never())).rejects.toMatchObject({
      code: "overloaded",
      retryAfterSeconds: 1,
    });
  });

  it("never hand a slot to one who gave up in the same breath", async () => {
    const slots = open(1);
    const release = await slots.take(never());
    const client = new AbortController();
    const waiting = slots.take(client.signal);
    client.abort();
    release();
    await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
    expect(slots.busy()).toBe(0);
  });

  it("give up waiting after the longest wait", async () => {
    let ring = () => {};
    const sleep = (ms: number) => {
      expect(ms).toBe(limits.queueWaitMsMax);
      return new Promise<void>(resolve => {
        ring = resolve;
      });
    };
    const clock = { ...systemClock, sleep };
    const slots = createSlots({ capacity: 0, queueLength: () => 1, clock });
    const waiting = slots.take(never());
    ring();
    await expect(waiting).rejects.toMatchObject({ code: "deadline_exceeded" });
  });

  it("refuse everyone with the given reason until they admit again", async () => {
    const slots = open(0);
    const waiting = slots.take(never());
    slots.refuse(() => new EngineError("model_not_ready", "It died too often."));
    await expect(waiting).rejects.toMatchObject({ code: "model_not_ready" });
    await expect(slots.take(never())).rejects.toMatchObject({ code: "model_not_ready" });
    slots.admit();
    slots.resize(1);
    (await slots.take(never()))();
  });
});

describe("stop strings", () => {
  it("hold back what may become one, and give it when it did not", () => {
    const filter = createStopFilter(["STOP", "END"]);
    expect(filter.push("a ST")).toEqual({ text: "a ", stopped: false });
    expect(filter.push("AR E")).toEqual({ text: "STAR ", stopped: false });
    expect(filter.push("ND b")).toEqual({ text: "", stopped: true });
    expect(createStopFilter(["xy"]).flush()).toBe("");
  });

  it("cut at the first of several", () => {
    expect(createStopFilter(["b", "ab"]).push("xxab")).toEqual({ text: "xx", stopped: true });
  });
});
