/** Counters of one process: for one engine alone, and for a gateway whose Valkey is away. */
import { limits } from "../contract/limits.ts";
import type { Clock } from "../kit/clock.ts";
import type { Claim, Counters, QuotaState } from "./counters.ts";

interface Window {
  used: number;
  endsMs: number;
  /** Of `used`, what windows before were overdrawn by. */
  debt: number;
}

export function createMemoryCounters({ clock }: { clock: Pick<Clock, "now"> }): Counters {
  const windows = new Map<string, Window>();

  function toWindow({ key, limit, windowMs }: Claim, nowMs: number): Window {
    const known = windows.get(key);
    if (known === undefined) return { used: 0, endsMs: nowMs + windowMs, debt: 0 };
    if (nowMs < known.endsMs) return known;
    const passed = Math.floor((nowMs - known.endsMs) / windowMs) + 1;
    const debt = Math.max(0, known.used - limit * passed);
    const endsMs = debt === 0 ? nowMs + windowMs : known.endsMs + passed * windowMs;
    return { used: debt, endsMs, debt };
  }

  function keep(key: string, window: Window): void {
    windows.delete(key);
    windows.set(key, window);
    // Keys come from the configuration; whoever changes it for ever shall not fill the memory.
    const [oldest] = windows.keys();
    if (windows.size > limits.countersMax && oldest !== undefined) windows.delete(oldest);
  }

  function settle(claim: Claim, endsMs: number, actual: number): void {
    const window = windows.get(claim.key);
    if (window === undefined) return;
    const delta = actual - claim.amount;
    if (window.endsMs === endsMs || delta > 0) window.used = Math.max(0, window.used + delta);
    else {
      // Its own window is over: only what was carried over for it is given back.
      const back = Math.min(-delta, window.debt);
      window.debt -= back;
      window.used -= back;
    }
  }

  return {
    take: async claims => {
      const nowMs = clock.now();
      const found = claims.map(claim => ({ claim, window: toWindow(claim, nowMs) }));
      const refused = found.findIndex(({ claim, window }) => window.used >= claim.limit);
      if (refused < 0)
        for (const { claim, window } of found) {
          window.used += claim.amount;
          keep(claim.key, window);
        }
      const states = found.map(({ claim, window }) => toState(claim, window, nowMs));
      if (refused >= 0) return { granted: false, states, refused };
      const ends = found.map(({ window }) => window.endsMs);
      return {
        granted: true,
        states,
        settle: async actual => {
          for (const [index, claim] of claims.entries())
            settle(claim, ends[index] ?? 0, actual[index] ?? claim.amount);
        },
      };
    },
    health: () => ({ status: "ok", reason: undefined }),
    close: async () => windows.clear(),
  };
}

function toState(claim: Claim, { used, endsMs }: Window, nowMs: number): QuotaState {
  return quotaState(claim, used, endsMs - nowMs);
}

/** A window that is overdrawn by whole windows is free again only after those. */
export function quotaState(
  { limit, windowMs }: Claim,
  used: number,
  untilEndMs: number,
): QuotaState {
  const missed = Math.max(0, Math.floor((used - limit) / limit));
  return {
    limit,
    remaining: Math.max(0, limit - used),
    resetMs: Math.max(0, untilEndMs) + missed * windowMs,
  };
}
