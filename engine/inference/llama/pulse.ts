/** The pulse of an inference process: one that does not answer for too long hangs, and is ended as if it had crashed. */
import { limits } from "../../contract/limits.ts";
import type { Clock } from "../../kit/clock.ts";

export interface PulseOptions {
  clock: Clock;
  /** Asks the process for a sign of life. */
  ask: () => void;
  /** It has left two questions in a row unanswered: one may be lost to a machine that slept. */
  onSilence: () => void;
  /** Aborts when the process has ended. */
  ended: AbortSignal;
}

export interface Pulse {
  /** A sign of life. */
  beat(): void;
}

export function watchPulse({ clock, ask, onSilence, ended }: PulseOptions): Pulse {
  let unanswered = 0;
  const watch = async () => {
    while (!ended.aborted) {
      if (unanswered === 2) return onSilence();
      unanswered += 1;
      ask();
      await clock.sleep(limits.childPulseMs, ended);
    }
  };
  void watch();
  return {
    beat() {
      unanswered = 0;
    },
  };
}
