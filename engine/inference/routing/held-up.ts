/** Waiting that a delay of this process itself does not count for: what came meanwhile may lie there unread. */
import type { Clock } from "../../kit/clock.ts";

/** A wait that much longer than it should be was this process's own delay; it is begun anew, so often at most. */
const heldUpMs = 100;
const waitsMax = 3;

/** Resolves after `ms` in which this process could have read an answer, or at once when `signal` aborts. */
export async function waitUnlessHeldUp(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  for (let waits = 0; waits < waitsMax && !signal.aborted; waits++) {
    const beganMs = clock.monotonic();
    await clock.sleep(ms, signal);
    if (clock.monotonic() - beganMs < ms + heldUpMs) return;
  }
}
