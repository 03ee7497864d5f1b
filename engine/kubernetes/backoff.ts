/** How long the next attempt waits: doubled each time, with a part of chance so that many do not come back at once. */
import type { Random } from "../kit/random.ts";

export interface BackoffOptions {
  firstMs: number;
  maxMs: number;
}

/** After `failures` of them (1, 2, …): between half of the step and all of it. */
export function backoffMs(options: BackoffOptions, failures: number, random: Random): number {
  const step = Math.min(options.maxMs, options.firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(step * (0.5 + random() / 2));
}
