/** Routing in virtual time, against round robin, least load and a router that sees into all caches. */
import { expect, test, vi } from "vitest";
import { createDispatcher } from "../../engine/inference/routing/dispatcher.ts";
import { createSeededRandom } from "../../engine/kit/random.ts";
import {
  blockTokens,
  createRequests,
  type SimRequest,
  type SimRouter,
  type SimSettings,
  sharedBlocks,
  simulate,
  type Workload,
} from "./routing-world.ts";

/** A busy machine is slow; nothing here depends on its time. */
vi.setConfig({ testTimeout: 60_000 });

const seeds = Array.from({ length: 20 }, (_, index) => index + 1);

const shared: Workload = {
  ...{ requests: 1_500, perSecond: 6, gateways: 2 },
  // 96 prefixes of 2,048 tokens: 196,608 tokens are wanted all the time.
  ...{ prefixes: 96, prefixBlocks: 32, scopes: "own", skew: 1 },
  ...{ turns: 1, conversations: 96, questionBlocks: 2, replyBlocks: 1 },
};

const settings: SimSettings = {
  ...{ workers: 4, promptSpeed: 2_000, decodeSpeed: 60, slots: 16 },
  cacheBlocks: (shared.prefixes * shared.prefixBlocks) / 4,
};

/** What this project does: one dispatcher a gateway; they tell each other nothing. */
function ours(): SimRouter {
  const gateways = Array.from({ length: shared.gateways }, () => ({
    dispatcher: createDispatcher(),
    /** What each worker said of its load when it last answered this gateway. */
    reported: new Map<string, number>(),
  }));
  return {
    choose(request, workers) {
      const { dispatcher, reported } = gateways[request.gateway]!;
      const seen = workers.map(({ id }) => ({
        ...{ id, slots: settings.slots, reported: reported.get(id) ?? 0 },
        cacheTokens: settings.cacheBlocks * blockTokens,
      }));
      const dispatched = dispatcher.dispatch(request.chain, seen)!;
      const { id } = dispatched.choice;
      return {
        worker: workers.findIndex(worker => worker.id === id),
        first(running) {
          reported.set(id, running);
          dispatched.first();
        },
        end(running, cachedShare) {
          reported.set(id, running);
          dispatched.end(cachedShare);
        },
      };
    },
  };
}

function roundRobin(): SimRouter {
  const next = new Array<number>(shared.gateways).fill(0);
  return {
    choose(request, workers) {
      const turn = next[request.gateway] ?? 0;
      next[request.gateway] = turn + 1;
      return { worker: turn % workers.length };
    },
  };
}

/** Each gateway knows its own requests and what the workers said last, as ours does. */
function leastLoad(): SimRouter {
  const gateways = Array.from({ length: shared.gateways }, () => ({
    own: new Map<string, number>(),
    reported: new Map<string, number>(),
    turn: 0,
  }));
  return {
    choose(request, workers) {
      const gateway = gateways[request.gateway]!;
      const { own, reported } = gateway;
      const loadOf = (id: string) => Math.max(own.get(id) ?? 0, reported.get(id) ?? 0);
      // Equals take turns, or the first worker would get what both gateways think is free.
      gateway.turn += 1;
      const turnOf = (index: number) => ((index + gateway.turn) % workers.length) / 1e6;
      const worker = indexOfLeast(workers.map(({ id }, index) => loadOf(id) + turnOf(index)));
      const { id } = workers[worker]!;
      own.set(id, (own.get(id) ?? 0) + 1);
      return {
        worker,
        first: running => void reported.set(id, running),
        end(running) {
          reported.set(id, running);
          own.set(id, (own.get(id) ?? 0) - 1);
        },
      };
    },
  };
}

/**
 * Knows at each moment what every cache holds and what every queued prompt will put there, across gateways, and goes
 * where most of the prompt lies; of equals, to the one with the least prompt before it. It minds no load otherwise:
 * so it is the most that can be had of the caches one choice at a time, and not always the quickest.
 */
function oracle(): SimRouter {
  return {
    choose(request, workers) {
      const costs = workers.map(worker => {
        const known = Math.max(
          sharedBlocks(worker.cache, request.chain),
          sharedBlocks(worker.promised, request.chain),
        );
        return -known * 1e6 + worker.pendingBlocks + worker.running;
      });
      return { worker: indexOfLeast(costs) };
    },
  };
}

function indexOfLeast(values: readonly number[]): number {
  return values.indexOf(Math.min(...values));
}

const routers = { ours, oracle, leastLoad, roundRobin };
type Name = keyof typeof routers;

function runAll(requests: readonly SimRequest[], names: readonly Name[], world = settings) {
  return Object.fromEntries(
    names.map(name => [name, simulate(requests, world, routers[name]())]),
  ) as Record<Name, ReturnType<typeof simulate>>;
}

interface Row {
  seed: number;
  cached: number;
  ofOracle: number;
  oursMs: number;
  oracleMs: number;
  leastMs: number;
  roundMs: number;
}

function rowOf(workload: Workload, seed: number, world = settings): Row {
  const requests = createRequests(workload, createSeededRandom(seed));
  const result = runAll(requests, ["ours", "oracle", "leastLoad", "roundRobin"], world);
  return {
    seed,
    cached: result.ours.cachedTokens / result.ours.promptTokens,
    ofOracle: result.ours.cachedTokens / result.oracle.cachedTokens,
    oursMs: result.ours.meanMs,
    oracleMs: result.oracle.meanMs,
    leastMs: result.leastLoad.meanMs,
    roundMs: result.roundRobin.meanMs,
  };
}

function mean(rows: readonly Row[], of: (row: Row) => number): number {
  return rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
}

function print(title: string, rows: readonly Row[]): void {
  const share = (100 * mean(rows, row => row.ofOracle)).toFixed(1);
  const lines = rows.map(row =>
    [
      String(row.seed).padStart(4),
      `${(100 * row.cached).toFixed(1)} %`.padStart(8),
      `${(100 * row.ofOracle).toFixed(1)} %`.padStart(9),
      ...[row.oursMs, row.oracleMs, row.leastMs, row.roundMs].map(ms => ms.toFixed(0).padStart(8)),
    ].join(" "),
  );
  const head =
    "seed   cached of oracle     ours   oracle    least    round  (mean ms to first token)";
  process.stdout.write(
    `${title}${share === "NaN" ? "" : `: mean ${share} % of the oracle's`}\n${head}\n${lines.join("\n")}\n`,
  );
}

test("prefixes of many tenants, each cache a quarter of them", () => {
  const rows = seeds.map(seed => rowOf(shared, seed));
  print("96 prefixes of 2,048 tokens, 6 requests a second, 2,000 prompt tokens a second", rows);
  expect(mean(rows, row => row.ofOracle)).toBeGreaterThanOrEqual(0.95);
  for (const row of rows) {
    expect(row.ofOracle, `seed ${row.seed}`).toBeGreaterThanOrEqual(0.9);
    expect(row.oursMs, `seed ${row.seed}`).toBeLessThanOrEqual(row.roundMs / 10);
  }
});

test("conversations whose turns come through either gateway", () => {
  const workload: Workload = {
    ...{ requests: 1_500, perSecond: 6, gateways: 2 },
    ...{ prefixes: 600, prefixBlocks: 8, scopes: "own", skew: 1 },
    ...{ turns: 10, conversations: 96, questionBlocks: 2, replyBlocks: 2 },
  };
  const world = { ...settings, cacheBlocks: (96 * 30) / 4 };
  const rows = seeds.map(seed => rowOf(workload, seed, world));
  print("96 conversations at a time of up to 10 turns", rows);
  expect(mean(rows, row => row.ofOracle)).toBeGreaterThanOrEqual(0.95);
  for (const row of rows) expect(row.ofOracle, `seed ${row.seed}`).toBeGreaterThanOrEqual(0.9);
});

/** More than the bar asks: the much used prefix fills one worker, and what spills costs the others their caches. */
test("one tenant with a few system prompts, one of them much used", () => {
  const workload: Workload = { ...shared, prefixes: 48, prefixBlocks: 64, scopes: "one", skew: 2 };
  const rows = seeds.map(seed => rowOf(workload, seed));
  print("48 prefixes of 4,096 tokens in one scope, the first used most", rows);
  for (const row of rows) {
    expect(row.ofOracle, `seed ${row.seed}`).toBeGreaterThanOrEqual(0.75);
    expect(row.oursMs, `seed ${row.seed}`).toBeLessThanOrEqual(row.roundMs / 10);
  }
});

test("without shared prefixes it is never worse than least load", () => {
  for (const perSecond of [1, 2, 3.6]) {
    const workload: Workload = {
      ...{ requests: 800, perSecond, gateways: 2 },
      ...{ prefixes: 2_000_000 / 1_000, prefixBlocks: 0, scopes: "one", skew: 1 },
      ...{ turns: 1, conversations: 1, questionBlocks: 32, replyBlocks: 1 },
    };
    const rows = seeds.map(seed => rowOf(workload, seed));
    print(`nothing shared, ${perSecond} requests of 2,048 tokens a second`, rows);
    const least = mean(rows, row => row.leastMs);
    expect(
      mean(rows, row => row.oursMs),
      `${perSecond}/s`,
    ).toBeLessThanOrEqual(least);
    // Near saturation a single seed's queues are luck.
    for (const row of rows)
      expect(row.oursMs, `seed ${row.seed}, ${perSecond}/s`).toBeLessThanOrEqual(row.leastMs * 1.1);
  }
});
