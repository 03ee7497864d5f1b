/** Calls back when nothing has stopped it for a given time, however long that is. */
import type { Clock } from "../../kit/clock.ts";

export interface IdleTimer {
  /** (Re)starts; Infinity = never. */
  start(ms: number): void;
  stop(): void;
  /** When it calls (ms since 1970); undefined = it does not run. */
  expiresMs(): number | undefined;
}

/** Longer timers overflow in Node and would fire at once. */
const sleepMsMax = 2 ** 31 - 1;

export function createIdleTimer(clock: Clock, onIdle: () => void): IdleTimer {
  let running: { stop: AbortController; expiresMs: number } | undefined;

  const stop = () => {
    running?.stop.abort();
    running = undefined;
  };

  const wait = async (timer: { stop: AbortController; expiresMs: number }) => {
    for (;;) {
      const left = timer.expiresMs - clock.now();
      if (left <= 0) break;
      await clock.sleep(Math.min(left, sleepMsMax), timer.stop.signal);
      if (running !== timer) return;
    }
    if (running !== timer) return;
    running = undefined;
    onIdle();
  };

  return {
    start(ms) {
      stop();
      if (ms === Number.POSITIVE_INFINITY) return;
      running = { stop: new AbortController(), expiresMs: clock.now() + Math.max(0, ms) };
      void wait(running);
    },
    stop,
    expiresMs: () => running?.expiresMs,
  };
}
