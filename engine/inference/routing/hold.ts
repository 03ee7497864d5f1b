/** Hold: requests for a model that has no worker wait here, in their order, bounded in number and in time. */
import { EngineError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Clock } from "../../kit/clock.ts";
import { toAbortError } from "../slots.ts";

export interface Hold {
  /**
   * Resolves when the request may go on. Whoever was already on its way goes before those who come.
   * @throws EngineError overloaded, model_not_ready (waited too long), cancelled, or what `refuse` was given
   */
  enter(signal: AbortSignal, isUnderWay?: boolean): Promise<void>;
  /** Lets the first of them go on. */
  admit(count: number): void;
  /** Lets go on whoever was already on its way. */
  admitUnderWay(): void;
  waiting(): number;
  /** Ends everyone who waits. */
  refuse(reason: () => EngineError): void;
}

export interface HoldOptions {
  model: string;
  holdMs: number;
  clock: Clock;
}

interface Waiter {
  go: () => void;
  fail: (error: EngineError) => void;
}

export function createHold(options: HoldOptions): Hold {
  const underWay = new Set<Waiter>();
  const arriving = new Set<Waiter>();

  const wait = async (queue: Set<Waiter>, signal: AbortSignal) => {
    if (signal.aborted) throw toAbortError(signal);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const over = new AbortController();
    const waiter: Waiter = { go: resolve, fail: reject };
    // Who gives up leaves in the same breath, so that nobody is let go on in vain.
    const giveUp = (error: () => EngineError) => {
      if (queue.delete(waiter)) reject(error());
    };
    const abort = () => giveUp(() => toAbortError(signal));
    queue.add(waiter);
    signal.addEventListener("abort", abort, { once: true });
    const holdMs = Math.min(options.holdMs, limits.holdMsMax);
    void options.clock.sleep(holdMs, over.signal).then(() => {
      if (!over.signal.aborted) giveUp(() => waitedTooLong(options.model, holdMs));
    });
    try {
      await promise;
    } finally {
      over.abort();
      signal.removeEventListener("abort", abort);
    }
  };
  const release = (queue: Set<Waiter>, count: number) => {
    let left = count;
    for (const waiter of queue) {
      if (left-- <= 0) return;
      queue.delete(waiter);
      waiter.go();
    }
  };

  return {
    async enter(signal, isUnderWay = false) {
      if (!isUnderWay && arriving.size >= limits.heldRequestsMax) throw full(options.model);
      await wait(isUnderWay ? underWay : arriving, signal);
    },
    admit: count => release(arriving, count),
    admitUnderWay: () => release(underWay, underWay.size),
    waiting: () => underWay.size + arriving.size,
    refuse(reason) {
      for (const queue of [underWay, arriving]) {
        for (const waiter of queue) waiter.fail(reason());
        queue.clear();
      }
    },
  };
}

function full(model: string): EngineError {
  return new EngineError(
    "overloaded",
    `"${model}" has no replica yet and ${limits.heldRequestsMax} requests wait for it already.`,
    { retryAfterSeconds: 10 },
  );
}

function waitedTooLong(model: string, ms: number): EngineError {
  return new EngineError(
    "model_not_ready",
    `No replica of "${model}" became ready within ${Math.round(ms / 1000)} seconds.`,
    {
      retryAfterSeconds: 30,
      remedy: "Look at why its pods do not become ready (`kollama doctor`), then try again.",
    },
  );
}
