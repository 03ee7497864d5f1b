/** Random lives of served models: whatever is applied, removed and used in whatever order, nothing leaks and the end is what was asked for. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { EngineError } from "../../engine/contract/errors.ts";
import type { ModelSpec } from "../../engine/contract/model.ts";
import type { Lease } from "../../engine/inference/served-models.ts";
import { createSeededRandom, type Random } from "../../engine/kit/random.ts";
import {
  type Bench,
  createBench,
  type OpenBackend,
  toSpec,
} from "../support/served-model-bench.ts";

const seeds = Array.from({ length: 16 }, (_, index) => index + 1);
const steps = 120;
const names = ["a", "b", "c"];

test.each(seeds)("seed %i", async seed => {
  const home = mkdtempSync(join(tmpdir(), "echorator-sim-"));
  try {
    await live(createSeededRandom(seed), home);
  } finally {
    rmSync(home, { recursive: true });
  }
});

/** What the test knows must hold in the end. */
interface World {
  random: Random;
  bench: Bench;
  wanted: Map<string, ModelSpec>;
  running: Promise<unknown>[];
  leases: Set<Lease>;
  unexpected: unknown[];
}

async function live(random: Random, home: string): Promise<void> {
  const pause = () => turns(Math.floor(random() * 4));
  const bench = await createBench({
    home,
    onResolve: async (_, signal, progress) => {
      await pause();
      if (random() < 0.3) progress(50);
      await pause();
      if (random() < 0.1) throw new EngineError("source_unreachable", "There is no network.");
      if (random() < 0.5) signal.throwIfAborted();
    },
    onLoad: async (_, signal) => {
      await pause();
      if (random() < 0.1) throw new Error("the loader broke");
      if (random() < 0.5) signal.throwIfAborted();
    },
  });
  const world: World = {
    ...{ random, bench, wanted: new Map(), running: [], leases: new Set(), unexpected: [] },
  };
  for (let step = 0; step < steps; step++) {
    act(world);
    // Writing the record takes longer than a few turns; without waiting now and then everything would only queue.
    if (random() < 0.4) await world.running.at(-1);
    checkLeases(world);
    await pause();
  }
  for (const lease of world.leases) lease[Symbol.dispose]();
  await Promise.all(world.running);
  expect(world.unexpected).toEqual([]);
  await checkEnd(world);
  await bench.close();
  expect(bench.backends.filter(backend => backend.isOpen())).toEqual([]);
}

function act(world: World): void {
  const { random, bench } = world;
  const name = pick(random, names);
  const action = random();
  if (action < 0.3) begin(world, applyTo(world, name));
  else if (action < 0.4) begin(world, remove(world, name));
  else if (action < 0.75) begin(world, useOf(world, name));
  else if (action < 0.85 && bench.served.find(name) !== undefined)
    bench.served.keepAlive(name, pick(random, [0, 60_000, Number.POSITIVE_INFINITY]));
  else for (const lease of world.leases) if (random() < 0.4) release(world, lease);
}

/** Errors with a sentence are part of life; anything else is not. */
function begin(world: World, work: Promise<unknown>): void {
  const caught = work.catch((error: unknown) => {
    if (!(error instanceof EngineError)) world.unexpected.push(error);
  });
  world.running.push(caught);
}

async function applyTo(world: World, name: string): Promise<void> {
  const { random, bench } = world;
  const spec = toSpec({ name, slots: 1 + Math.floor(random() * 2) });
  world.wanted.set(name, spec);
  const leaving = new AbortController();
  const states: string[] = [];
  for await (const status of bench.served.apply(spec, "stack", leaving.signal)) {
    states.push(status.state);
    if (random() < 0.05) leaving.abort();
  }
  if (states.at(-1) !== "ready") world.unexpected.push(`an apply ended with ${states.join(", ")}`);
}

async function remove(world: World, name: string): Promise<void> {
  world.wanted.delete(name);
  await world.bench.served.remove(name, "stack");
}

async function useOf(world: World, name: string): Promise<void> {
  const leaving = new AbortController();
  const acquiring = world.bench.served.acquire(name, leaving.signal);
  if (world.random() < 0.1) leaving.abort();
  const lease = await acquiring;
  world.leases.add(lease);
  if (world.random() < 0.3) release(world, lease);
}

function release(world: World, lease: Lease): void {
  world.leases.delete(lease);
  lease[Symbol.dispose]();
}

function checkLeases(world: World): void {
  for (const lease of world.leases)
    expect((lease.backend as OpenBackend).isOpen(), "a lease's backend is open").toBe(true);
}

/** Everything wanted is served with its last spec, or failed and is served when it is applied again; the record says the same. */
async function checkEnd(world: World): Promise<void> {
  const { bench, wanted } = world;
  await vi.waitUntil(() =>
    bench.served.list().every(status => /ready|unloaded|failed/.test(status.state)),
  );
  const expected = [...wanted.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  expect(bench.served.list().map(status => status.spec)).toEqual(expected);
  for (const status of bench.served.list())
    if (status.state === "ready") {
      const open = bench.backends.filter(
        backend => backend.isOpen() && backend.spec.name === status.spec.name,
      );
      expect(open.map(backend => backend.spec)).toEqual([status.spec]);
    }
  await bench.restart();
  expect(bench.served.list().map(status => status.spec)).toEqual(expected);
}

function pick<V>(random: Random, values: readonly V[]): V {
  const value = values[Math.floor(random() * values.length)];
  if (value === undefined) throw new Error("there is nothing to pick");
  return value;
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(resolve => setImmediate(resolve));
}
