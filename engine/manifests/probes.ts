/** Probes of the engine, from the same paths and times as everything else. */
import { paths } from "../contract/endpoints.ts";
import type { Draft } from "./objects.ts";

/** A throttled process answers in bursts: one second is not enough. */
const timeoutSeconds = 5;
/** Rolls and Services wait for it; gateways ask a worker that starts by themselves. */
const startupPeriodSeconds = 1;

export interface ProbeTimes {
  /** From the container's start until it must serve. */
  startupBudgetSeconds: number;
  /** When it counts as started; when it serves, if absent. */
  startedPath?: string;
}

export function engineProbes(port: string, { startupBudgetSeconds, startedPath }: ProbeTimes) {
  const get = (path: string): Draft => ({ path, port, scheme: "HTTP" });
  return {
    startupProbe: {
      httpGet: get(startedPath ?? paths.serving),
      periodSeconds: startupPeriodSeconds,
      timeoutSeconds,
      failureThreshold: Math.ceil(startupBudgetSeconds / startupPeriodSeconds),
    },
    readinessProbe: {
      httpGet: get(paths.serving),
      periodSeconds: 5,
      timeoutSeconds,
      failureThreshold: 2,
      successThreshold: 1,
    },
    livenessProbe: {
      httpGet: get(paths.live),
      periodSeconds: 10,
      timeoutSeconds,
      failureThreshold: 6,
    },
  } satisfies Record<string, Draft>;
}

/** After the endpoints' lag and the longest reply, so long until an engine has ended in order. */
const lastWordsSeconds = 15;

/** A pod that goes: first the others learn of it, then it ends its replies. */
export function graceOf(requestSeconds: number, drainSeconds: number) {
  return {
    terminationGracePeriodSeconds: requestSeconds + drainSeconds + lastWordsSeconds,
    lifecycle: drainSeconds === 0 ? undefined : { preStop: { sleep: { seconds: drainSeconds } } },
  } satisfies Record<string, Draft>;
}
