/** What all counters must do. Called by each implementation's test in one line. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Claim, Counters, Taken } from "../../engine/stores/counters.ts";

export interface CountersUnderTest {
  counters: Counters;
  /** Other counters of the same quotas: the same ones, or another gateway's. */
  others: Counters;
  /** Makes the windows older by that much. */
  elapse(ms: number): Promise<void>;
}

const minute = 60_000;

function claim(key: string, amount: number, limit: number, windowMs = minute): Claim {
  return { key, amount, limit, windowMs };
}

/** The reservation, or a failed test. */
function granted(taken: Taken): Extract<Taken, { granted: true }> {
  if (!taken.granted) throw new Error("the claim was refused");
  return taken;
}

const remaining = (taken: Taken) => taken.states.map(state => state.remaining);

export function describeCounters(name: string, create: () => Promise<CountersUnderTest>): void {
  describe(`${name} as counters`, () => {
    let counters: Counters;
    let others: Counters;
    let elapse: CountersUnderTest["elapse"];

    beforeEach(async () => {
      ({ counters, others, elapse } = await create());
    });
    afterEach(async () => {
      await counters.close();
      await others.close();
    });

    test("a quota is used up, for everyone who counts it, and whole again after its window", async () => {
      for (const left of [2, 1, 0]) {
        const taken = await (left % 2 === 0 ? counters : others).take([claim("k", 1, 3)]);
        expect([taken.granted, remaining(taken)]).toEqual([true, [left]]);
      }
      const refused = await others.take([claim("k", 1, 3)]);
      expect(refused).toMatchObject({ granted: false, refused: 0 });
      expect(refused.states[0]?.resetMs).toBeGreaterThan(minute / 2);
      expect(refused.states[0]?.resetMs).toBeLessThanOrEqual(minute);
      await elapse(minute);
      expect(remaining(granted(await others.take([claim("k", 1, 3)])))).toEqual([2]);
    });

    test("quotas of different keys know nothing of each other", async () => {
      await counters.take([claim("a", 5, 5)]);
      expect((await counters.take([claim("b", 1, 5)])).granted).toBe(true);
      expect((await counters.take([claim("a", 1, 5)])).granted).toBe(false);
    });

    test("all claims are granted or none", async () => {
      await counters.take([claim("small", 1, 1)]);
      const refused = await counters.take([claim("large", 10, 100), claim("small", 1, 1)]);
      expect(refused).toMatchObject({ granted: false, refused: 1 });
      expect(remaining(refused)).toEqual([100, 0]);
      expect(remaining(await counters.take([claim("large", 10, 100)]))).toEqual([90]);
    });

    test("what was set aside and not used is given back, what was used beyond it is charged", async () => {
      const first = granted(await counters.take([claim("k", 80, 100), claim("n", 1, 9)]));
      await first.settle([30, 1]);
      const second = granted(await others.take([claim("k", 10, 100), claim("n", 1, 9)]));
      expect(remaining(second)).toEqual([60, 7]);
      await second.settle([45, 0]);
      expect(remaining(await counters.take([claim("k", 0, 100), claim("n", 0, 9)]))).toEqual([
        25, 8,
      ]);
    });

    test("a claim larger than the quota is granted when nothing is used, and its debt is paid by later windows", async () => {
      granted(await counters.take([claim("k", 250, 100)]));
      const refused = await counters.take([claim("k", 1, 100)]);
      expect(refused.granted).toBe(false);
      expect(refused.states[0]?.resetMs).toBeGreaterThan(minute);
      await elapse(minute);
      expect((await counters.take([claim("k", 1, 100)])).granted).toBe(false);
      await elapse(minute);
      expect(remaining(granted(await counters.take([claim("k", 10, 100)])))).toEqual([40]);
    });

    test("what is given back after its window takes nothing from the next but a debt", async () => {
      const whole = granted(await counters.take([claim("k", 90, 100)]));
      const over = granted(await counters.take([claim("k", 60, 100)]));
      await elapse(minute);
      expect(remaining(granted(await counters.take([claim("k", 20, 100)])))).toEqual([30]);
      await over.settle([0]);
      expect(remaining(await counters.take([claim("k", 0, 100)]))).toEqual([80]);
      await whole.settle([0]);
      expect(remaining(await counters.take([claim("k", 0, 100)]))).toEqual([80]);
    });

    test("many at once, over two gateways: exactly as many as there are", async () => {
      const all = await Promise.all(
        Array.from({ length: 60 }, (_, index) =>
          (index % 2 === 0 ? counters : others).take([claim("k", 1, 25)]),
        ),
      );
      expect(all.filter(taken => taken.granted)).toHaveLength(25);
    });

    test("many at once with reservations: overdrawn by one at most", async () => {
      const all = await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          (index % 2 === 0 ? counters : others).take([claim("k", 30, 100)]),
        ),
      );
      expect(all.filter(taken => taken.granted)).toHaveLength(4);
    });
  });
}
