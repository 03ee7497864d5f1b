/** Slots: who may be decoded now; the others wait in the order of their arrival, bounded in number and in time. */
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { Clock } from "../kit/clock.ts";

export interface Slots {
  /**
   * Waits for a slot; the caller gives it back by calling the result, once.
   * @throws EngineError overloaded, cancelled, deadline_exceeded, or what `refuse` was given
   */
  take(signal: AbortSignal): Promise<() => void>;
  /** How many may run from now on; those that run beyond it are not disturbed. */
  resize(capacity: number): void;
  /** Refuses everyone who waits and everyone who comes, until `admit`. */
  refuse(reason: () => EngineError): void;
  admit(): void;
  busy(): number;
  waiting(): number;
}

export interface SlotsOptions {
  capacity: number;
  /** Read at each arrival, because it may change while running. */
  queueLength: () => number;
  clock: Clock;
}

interface Waiter {
  admit: () => void;
  reject: (error: EngineError) => void;
}

export function createSlots(options: SlotsOptions): Slots {
  const queue = new Set<Waiter>();
  let capacity = options.capacity;
  let running = 0;
  let refusal: (() => EngineError) | undefined;

  const admitNext = () => {
    for (const waiter of queue) {
      if (running >= capacity) return;
      queue.delete(waiter);
      running += 1;
      waiter.admit();
    }
  };
  const release = () => {
    running -= 1;
    admitNext();
  };
  const toRelease = () => {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      release();
    };
  };

  return {
    async take(signal) {
      if (signal.aborted) throw toAbortError(signal);
      if (refusal !== undefined) throw refusal();
      if (running < capacity && queue.size === 0) {
        running += 1;
        return toRelease();
      }
      const length = Math.min(options.queueLength(), limits.queueLengthMax);
      if (queue.size >= length) throw overloaded(queue.size, running);
      await enqueue(queue, signal, options.clock);
      return toRelease();
    },
    resize(next) {
      capacity = next;
      admitNext();
    },
    refuse(reason) {
      refusal = reason;
      for (const waiter of queue) waiter.reject(reason());
      queue.clear();
    },
    admit() {
      refusal = undefined;
      admitNext();
    },
    busy: () => running,
    waiting: () => queue.size,
  };
}

async function enqueue(queue: Set<Waiter>, signal: AbortSignal, clock: Clock): Promise<void> {
  const ended = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Who gives up leaves the queue in the same breath, or a slot could still be handed to nobody.
  const giveUp = (error: EngineError) => {
    if (queue.delete(waiter)) reject(error);
  };
  const waiter: Waiter = { admit: resolve, reject };
  const abort = () => giveUp(toAbortError(signal));
  queue.add(waiter);
  signal.addEventListener("abort", abort, { once: true });
  void clock.sleep(limits.queueWaitMsMax, ended.signal).then(() => {
    if (!ended.signal.aborted) giveUp(waitedTooLong());
  });
  try {
    await promise;
  } finally {
    ended.abort();
    signal.removeEventListener("abort", abort);
  }
}

/** Why a request ended before its time: what the caller gave as reason, its deadline, or that it went away. */
export function toAbortError(signal: AbortSignal): EngineError {
  const reason: unknown = signal.reason;
  if (reason instanceof EngineError) return reason;
  if (reason instanceof Error && reason.name === "TimeoutError")
    return new EngineError("deadline_exceeded", "The request took longer than it may.");
  return new EngineError("cancelled", "The client went away before the reply was complete.");
}

function overloaded(waiting: number, running: number): EngineError {
  return new EngineError(
    "overloaded",
    `The model answers ${running} requests and ${waiting} wait; no more may wait.`,
    { retryAfterSeconds: Math.max(1, Math.ceil(waiting / Math.max(1, running))) },
  );
}

function waitedTooLong(): EngineError {
  const seconds = limits.queueWaitMsMax / 1_000;
  return new EngineError("deadline_exceeded", `The request waited ${seconds} s for a slot.`);
}
