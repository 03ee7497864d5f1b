/** The composition root: the only file where everything meets. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { createAccess, type Peer } from "./api/access.ts";
import type { Engine } from "./api/call.ts";
import { createDoors } from "./api/doors.ts";
import type { EngineConfig } from "./contract/config.ts";
import { homeLayout } from "./contract/endpoints.ts";
import type { ModelFile, ModelSpec } from "./contract/model.ts";
import { createConversations } from "./conversation/turns.ts";
import type { Backend } from "./inference/backend.ts";
import { createCores, usableCores } from "./inference/cores.ts";
import { createNeighbours } from "./inference/neighbours.ts";
import { createServedModels } from "./inference/residency.ts";
import type { Clock } from "./kit/clock.ts";
import { createIds } from "./kit/identifiers.ts";
import type { Random } from "./kit/random.ts";
import { createModelFiles } from "./models/files.ts";
import { planChange } from "./settings.ts";
import { createSqliteStores } from "./stores/sqlite.ts";
import type { Stores } from "./stores/store.ts";
import type { LeveledLog } from "./telemetry/log.ts";
import type { Metrics } from "./telemetry/telemetry.ts";

export type OpenBackend = (
  file: ModelFile,
  spec: ModelSpec,
  signal: AbortSignal,
) => Promise<Backend>;

export interface AppOptions {
  config: EngineConfig;
  home: string;
  /** Where the models of the package lie. */
  bundledFolder: string;
  hub: { endpoint: string; token: string | undefined };
  /** The home's admin key; only its digest is kept. */
  adminKey: string;
  version: string;
  instance: string;
  /** Of what is in it, inference processes get what loaders and drivers of GPUs read. */
  environment?: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  random: Random;
  log: LeveledLog;
  metrics: Metrics;
  fetch?: typeof fetch;
  /** llama.cpp when absent. */
  openBackend?: OpenBackend;
  /** SQLite below the home when absent. */
  stores?: Stores;
}

export interface App {
  /** The port with every dialect. */
  main(request: Request, peer: Peer): Promise<Response>;
  /** The port of Ollama's and OpenAI's dialects. */
  ollama(request: Request, peer: Peer): Promise<Response>;
  readonly engine: Engine;
  /** No longer ready; running replies may finish within the grace, then everything ends. Idempotent. */
  stop(graceMs: number): Promise<void>;
}

/** How long replies that were cut at the end of the grace may take to say so. */
const lastWordsMs = 500;

/** Resolves when requests can be answered; models are restored in the background. */
export async function createApp(options: AppOptions): Promise<App> {
  const { home, clock, log, metrics, version, instance } = options;
  const telemetry = { log, metrics };
  const newId = createIds(clock, options.random);
  const current = { config: options.config, stopping: false };
  const stores =
    options.stores ?? createSqliteStores({ folder: join(home, homeLayout.memory), clock, newId });
  const files = createModelFiles({
    folder: join(home, homeLayout.weights),
    bundledFolder: options.bundledFolder,
    hub: options.hub,
    clock,
    log,
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  });
  const models = await createServedModels({
    configured: options.config.models,
    recordPath: join(home, homeLayout.models),
    files,
    openBackend: options.openBackend ?? createOpener(options, () => current.config),
    clock,
    telemetry,
  });
  const conversations = createConversations({
    stores,
    models,
    clock,
    newId,
    random: options.random,
    telemetry,
    policy: () => current.config.memory,
  });
  const engine: Engine = {
    version,
    instance,
    startedMs: clock.now(),
    config: () => current.config,
    changeConfig(patch) {
      const { next, applied, needsRestart } = planChange(current.config, patch);
      current.config = next;
      log.setLevel(next.log.level);
      return { applied, needsRestart };
    },
    models,
    conversations,
    stores,
    telemetry,
    clock,
    newId,
    stopping: () => current.stopping,
  };
  const adminKeySha256 = createHash("sha256").update(options.adminKey).digest("hex");
  const doors = createDoors(engine, createAccess({ config: engine.config, adminKeySha256 }));
  let stopped: Promise<void> | undefined;

  async function stop(graceMs: number): Promise<void> {
    current.stopping = true;
    const replies = Promise.all([doors.main.idle(), doors.ollama.idle()]);
    await Promise.race([replies, clock.sleep(graceMs)]);
    await models.close();
    // The last words of what was cut; whoever does not read them is not waited for.
    await Promise.race([replies, clock.sleep(lastWordsMs)]);
    await stores.close();
  }

  return {
    main: doors.main.fetch,
    ollama: doors.ollama.fetch,
    engine,
    stop: graceMs => {
      stopped ??= stop(graceMs);
      return stopped;
    },
  };
}

/** The import waits for the first model: an engine without models needs no llama.cpp. */
function createOpener(options: AppOptions, config: () => EngineConfig): OpenBackend {
  const { clock, log, metrics } = options;
  const cores = createCores({
    usable: options.config.inference.threads ?? usableCores(),
    clock,
    neighbours: createNeighbours(() => clock.monotonic()),
  });
  return async (file, spec, signal) => {
    const { createLlamaBackend } = await import("./inference/llama/backend.ts");
    return createLlamaBackend({
      spec,
      file,
      cores,
      clock,
      telemetry: { log, metrics },
      signal,
      queueLength: () => config().inference.queueLength,
      environment: options.environment ?? {},
    });
  };
}
