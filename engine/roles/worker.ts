/** Role `worker`: infers for gateways, and keeps nothing: no memory, no conversations, no dialect but the workers'. */

import type { InferenceEngine } from "../api/call.ts";
import { createEdge } from "../api/edge.ts";
import { createHealthDialect } from "../api/health.ts";
import { createWorkerAccess } from "../api/worker/access.ts";
import { createWorkerDialect } from "../api/worker/dialect.ts";
import { createIds } from "../kit/identifiers.ts";
import { createLocalModels, type LocalModelsOptions } from "./local-models.ts";
import { createStop, type Running } from "./running.ts";

export interface WorkerOptions extends LocalModelsOptions {
  /** That gateways show; none = the network alone keeps others out. */
  workerKey: string | undefined;
}

export interface RunningWorker extends Running {
  readonly engine: InferenceEngine;
}

export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { config, clock, log, metrics, version, instance } = options;
  const models = await createLocalModels(options, () => config);
  let stopping = false;
  const engine: InferenceEngine = {
    version,
    instance,
    startedMs: clock.now(),
    config: () => config,
    models,
    telemetry: { log, metrics },
    clock,
    newId: createIds(clock, options.random),
    stopping: () => stopping,
    serving: async () => models.readiness(),
  };
  // Behind the same NetworkPolicy as the rest; a scraper has no key of the installation.
  const health = createHealthDialect({ engine, described: () => health.routes, metrics: "open" });
  const edge = createEdge({
    engine,
    authenticate: createWorkerAccess(options.workerKey),
    dialects: [health, createWorkerDialect(engine)],
  });
  const stop = createStop({
    edges: [edge],
    clock,
    begin() {
      stopping = true;
    },
    endReplies: () => models.close(),
    close: async () => {},
  });
  return { main: edge.fetch, ollama: undefined, engine, stop };
}
