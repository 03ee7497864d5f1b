/** Cores are never handed out twice, and whoever waits for one gets it. */
import { describe, expect, it } from "vitest";
import { type CoreMember, createCores, planShares } from "../../../engine/inference/cores.ts";
import type { Clock } from "../../../engine/kit/clock.ts";
import { createSeededRandom } from "../../../engine/kit/random.ts";

describe("shares", () => {
  it("gives equal parts, the rest to the first", () => {
    expect(planShares([9], 4)).toEqual([4]);
    expect(planShares([9, 9, 9], 4)).toEqual([2, 1, 1]);
    expect(planShares([9, 0, 9], 2)).toEqual([1, 0, 1]);
    expect(planShares([9, 9, 9], 2)).toEqual([1, 1, 0]);
    expect(planShares([], 2)).toEqual([]);
  });

  it("gives nobody more than is of use", () => {
    expect(planShares([1, 9], 4)).toEqual([1, 3]);
    expect(planShares([1], 4)).toEqual([1]);
  });
});

describe("cores", () => {
  it("gives all to one, and half of it to another only after the first let go", () => {
    const cores = createCores({ usable: 2, clock: createManualClock().clock });
    const first = join(cores);
    const second = join(cores);
    first.member.busy();
    expect(first.threads).toBe(2);
    second.member.busy();
    expect(first.threads).toBe(1);
    expect(second.threads).toBe(0);
    first.confirm();
    expect(second.threads).toBe(1);
    second.member.idle();
    expect(first.threads).toBe(2);
  });

  it("gives the cores of a member that is gone to the others", () => {
    const cores = createCores({ usable: 1, clock: createManualClock().clock });
    const first = join(cores);
    const second = join(cores);
    first.member.busy();
    second.member.busy();
    expect(second.threads).toBe(0);
    first.member.leave();
    expect(second.threads).toBe(1);
  });

  it("leaves a core to a neighbour that uses one, and takes it back later", async () => {
    const time = createManualClock();
    let busy = 0.1;
    const neighbours = { sample: () => ({ busy, allowed: 2 }) };
    const cores = createCores({ usable: 2, clock: time.clock, neighbours });
    const one = join(cores);
    one.member.busy();
    expect(one.threads).toBe(2);
    busy = 0.9;
    await time.advance(250);
    expect(one.threads).toBe(1);
    busy = 0;
    for (let look = 0; look < 8; look++) await time.advance(250);
    expect(one.threads).toBe(2);
    one.member.idle();
    await time.advance(250);
    expect(time.sleepers()).toBe(0);
  });

  it("does not wake up when nobody waits", () => {
    const time = createManualClock();
    const cores = createCores({ usable: 2, clock: time.clock });
    join(cores).member.busy();
    join(cores).member.busy();
    expect(time.sleepers()).toBe(0);
  });

  for (const seed of [1, 2, 3, 4, 5])
    it(`never hands out more than there are and starves nobody (seed ${seed})`, async () => {
      await simulate(seed);
    });
});

/** Members that come, go, confirm late and compute; 4,000 random steps. */
async function simulate(seed: number): Promise<void> {
  const random = createSeededRandom(seed);
  const pick = (below: number) => Math.floor(random() * below);
  const usable = 1 + pick(4);
  const time = createManualClock();
  const cores = createCores({ usable, clock: time.clock, sliceMs: 200 });
  const members = Array.from({ length: 6 }, () => join(cores));
  const servedAt = members.map(() => 0);
  for (let step = 0; step < 4_000; step++) {
    const index = pick(members.length);
    const one = members[index];
    if (one === undefined) continue;
    const action = random();
    if (action < 0.15) one.setBusy(true);
    else if (action < 0.2) one.setBusy(false);
    else if (action < 0.8) one.confirm();
    else await time.advance(20);
    const computing = members.reduce((sum, member) => sum + member.inForce(), 0);
    expect(computing).toBeLessThanOrEqual(usable);
    members.forEach((member, at) => {
      if (!member.isBusy() || member.inForce() > 0) servedAt[at] = time.clock.now();
    });
    expect(time.clock.now() - Math.min(...servedAt)).toBeLessThan(10_000);
  }
}

/** A member as an inference process is one: it keeps computing with the old grant until it has read the new one. */
function join(cores: ReturnType<typeof createCores>) {
  let isBusy = false;
  let told = { threads: 0, grant: 0 };
  let inForce = 0;
  const member: CoreMember = cores.join({
    pid: undefined,
    most: 16,
    onGrant(threads, grant) {
      told = { threads, grant };
    },
  });
  const confirm = () => {
    inForce = told.threads;
    member.confirm(told.grant);
  };
  return {
    member,
    confirm,
    isBusy: () => isBusy,
    inForce: () => (isBusy ? inForce : 0),
    get threads() {
      return told.threads;
    },
    setBusy(busy: boolean) {
      if (busy === isBusy) return;
      isBusy = busy;
      // The message of the grant 0 came before any later request.
      inForce = 0;
      if (busy) member.busy();
      else member.idle();
    },
  };
}

function createManualClock() {
  let now = 0;
  const sleepers = new Set<{ at: number; wake: () => void }>();
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    sleep: ms => new Promise(wake => sleepers.add({ at: now + ms, wake })),
  };
  return {
    clock,
    sleepers: () => sleepers.size,
    async advance(ms: number) {
      now += ms;
      for (const sleeper of sleepers) {
        if (sleeper.at > now) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
      await Promise.resolve();
      await Promise.resolve();
    },
  };
}
