/** A role that runs: the ports that it answers on, and its end. */
import type { Peer } from "../api/access.ts";
import type { Edge } from "../api/edge.ts";
import type { EngineConfig } from "../contract/config.ts";
import type { Clock } from "../kit/clock.ts";
import type { Random } from "../kit/random.ts";
import type { LeveledLog } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/telemetry.ts";

export type Answer = (request: Request, peer: Peer) => Promise<Response>;

export interface Running {
  main: Answer;
  /** Roles without the compatible dialects have one port. */
  ollama: Answer | undefined;
  /** No longer ready; running replies may finish within the grace, then everything ends. Idempotent. */
  stop(graceMs: number): Promise<void>;
}

/** What every role is given. */
export interface RoleOptions {
  config: EngineConfig;
  home: string;
  version: string;
  instance: string;
  environment?: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  random: Random;
  log: LeveledLog;
  metrics: Metrics;
}

/** How long replies that were cut at the end of the grace may take to say so. */
const lastWordsMs = 500;

export interface StopOptions {
  edges: readonly Edge[];
  clock: Clock;
  /** No new request from here on. */
  begin: () => void;
  /** Ends what replies come from. */
  endReplies: () => Promise<void>;
  /** Ends the rest. */
  close: () => Promise<void>;
}

export function createStop(options: StopOptions): Running["stop"] {
  const { edges, clock } = options;
  let stopped: Promise<void> | undefined;
  const stop = async (graceMs: number) => {
    options.begin();
    const replies = Promise.all(edges.map(edge => edge.idle()));
    await Promise.race([replies, clock.sleep(graceMs)]);
    await options.endReplies();
    // The last words of what was cut; whoever does not read them is not waited for.
    await Promise.race([replies, clock.sleep(lastWordsMs)]);
    await options.close();
  };
  return graceMs => {
    stopped ??= stop(graceMs);
    return stopped;
  };
}
