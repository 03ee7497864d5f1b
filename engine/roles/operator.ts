/** Role `operator`: makes Model resources so; besides it answers probes and scrapers only. */
import { join } from "node:path";
import type { HealthEngine } from "../api/call.ts";
import { createEdge } from "../api/edge.ts";
import { createHealthDialect } from "../api/health.ts";
import { createWorkerAccess } from "../api/worker/access.ts";
import { homeLayout } from "../contract/endpoints.ts";
import { Platform } from "../contract/platform.ts";
import { createIds } from "../kit/identifiers.ts";
import { createModelFactsReader } from "../models/facts.ts";
import { createOperator } from "../operator/operator.ts";
import { openCluster } from "./cluster.ts";
import { createStop, type RoleOptions, type Running } from "./running.ts";

export interface OperatorRoleOptions extends RoleOptions {
  bundledFolder: string;
  hub: { endpoint: string; token: string | undefined };
  workerKey: string | undefined;
}

export async function startOperator(options: OperatorRoleOptions): Promise<Running> {
  const { config, clock, log, metrics, version, instance, environment = {} } = options;
  const cluster = await openCluster(options);
  const operator = createOperator({
    cluster,
    platform: config.platform ?? Platform.parse({ namespace: cluster.defaultNamespace }),
    factsReader: createModelFactsReader({
      bundledFolder: options.bundledFolder,
      hub: options.hub,
      cacheFolder: join(options.home, homeLayout.run, "facts"),
      // Whoever may write a Model may name any source.
      guard: "public",
    }),
    identity: environment.HOSTNAME || instance,
    workerKey: options.workerKey,
    ...{ version, clock, log, metrics },
  });
  let stopping = false;
  const engine: HealthEngine = {
    ...{ version, instance, clock, startedMs: clock.now() },
    config: () => config,
    telemetry: { log, metrics },
    newId: createIds(clock, options.random),
    stopping: () => stopping,
    // One that does not lead is ready to take over.
    serving: async () => ({ ready: true, reasons: [] }),
  };
  const health = createHealthDialect({ engine, described: () => health.routes, metrics: "open" });
  const edge = createEdge({
    engine,
    authenticate: createWorkerAccess(undefined),
    dialects: [{ ...health, owns: () => true }],
  });
  const stop = createStop({
    edges: [edge],
    clock,
    begin() {
      stopping = true;
    },
    endReplies: () => operator.close(),
    close: async () => cluster.close(),
  });
  return { main: edge.fetch, ollama: undefined, stop };
}
