/** Work queue: keys that want looking at, each by one worker at a time, those that failed after a wait that grows. Time is a parameter. */
import type { Random } from "../kit/random.ts";
import { backoffMs } from "../kubernetes/backoff.ts";

export interface WorkQueueOptions {
  random: Random;
  /** Of the first wait after a failure, and of the longest. */
  firstMs: number;
  maxMs: number;
}

export interface WorkQueue {
  /** Keys that wait, later ones included. */
  readonly length: number;
  /** Once, however often it is said; while the key is worked on, once more afterwards. */
  add(key: string, nowMs: number): void;
  /** Not before then; an earlier time that is known holds. */
  addAt(key: string, dueMs: number): void;
  /** The key that is due for longest; it is the caller's until `finish`. */
  take(nowMs: number): string | undefined;
  /** @returns when the key is tried again, where it failed. */
  finish(key: string, outcome: "done" | "failed", nowMs: number): number | undefined;
  /** When `take` has something next. */
  nextMs(): number | undefined;
  /** Forgets the key and its failures. */
  drop(key: string): void;
}

export function createWorkQueue({ random, firstMs, maxMs }: WorkQueueOptions): WorkQueue {
  /** By key, when it is due; in the order of arrival. */
  const waiting = new Map<string, number>();
  const taken = new Set<string>();
  /** Said again while they were worked on. */
  const again = new Map<string, number>();
  const failures = new Map<string, number>();

  function addAt(key: string, dueMs: number): void {
    const place = taken.has(key) ? again : waiting;
    const known = place.get(key);
    if (known === undefined || dueMs < known) place.set(key, dueMs);
  }

  return {
    get length() {
      return waiting.size + again.size;
    },
    add(key, nowMs) {
      // News do not shorten the wait of what fails: its own failures make news.
      if (waiting.has(key) && failures.has(key)) return;
      addAt(key, nowMs);
    },
    addAt,
    take(nowMs) {
      let first: string | undefined;
      let firstDueMs = nowMs;
      for (const [key, dueMs] of waiting) {
        if (dueMs > firstDueMs || (first !== undefined && dueMs === firstDueMs)) continue;
        first = key;
        firstDueMs = dueMs;
      }
      if (first === undefined) return undefined;
      waiting.delete(first);
      taken.add(first);
      return first;
    },
    finish(key, outcome, nowMs) {
      taken.delete(key);
      const wanted = again.get(key);
      again.delete(key);
      if (outcome === "done") {
        failures.delete(key);
        if (wanted !== undefined) addAt(key, wanted);
        return undefined;
      }
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      const dueMs = nowMs + backoffMs({ firstMs, maxMs }, count, random);
      addAt(key, dueMs);
      return dueMs;
    },
    nextMs() {
      let next: number | undefined;
      for (const dueMs of waiting.values()) if (next === undefined || dueMs < next) next = dueMs;
      return next;
    },
    drop(key) {
      waiting.delete(key);
      again.delete(key);
      failures.delete(key);
    },
  };
}
