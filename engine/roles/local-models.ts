/** The models that this very process's machine serves: their files, and llama.cpp behind them. */
import { join } from "node:path";
import type { EngineConfig } from "../contract/config.ts";
import { homeLayout } from "../contract/endpoints.ts";
import type { ModelFile, ModelSpec } from "../contract/model.ts";
import type { Backend } from "../inference/backend.ts";
import { createCores, usableCores } from "../inference/cores.ts";
import { createNeighbours } from "../inference/neighbours.ts";
import { createServedModels } from "../inference/residency.ts";
import type { ServedModels } from "../inference/served-models.ts";
import { createModelFiles } from "../models/files.ts";
import type { RoleOptions } from "./running.ts";

export type OpenBackend = (
  file: ModelFile,
  spec: ModelSpec,
  signal: AbortSignal,
) => Promise<Backend>;

export interface LocalModelsOptions extends RoleOptions {
  /** Where the models of the package lie. */
  bundledFolder: string;
  hub: { endpoint: string; token: string | undefined };
  fetch?: typeof fetch;
  /** llama.cpp when absent. */
  openBackend?: OpenBackend;
}

/** Models are restored in the background. */
export async function createLocalModels(
  options: LocalModelsOptions,
  config: () => EngineConfig,
): Promise<ServedModels> {
  const { home, clock, log, metrics } = options;
  const files = createModelFiles({
    folder: join(home, homeLayout.weights),
    bundledFolder: options.bundledFolder,
    hub: options.hub,
    clock,
    log,
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  });
  return createServedModels({
    configured: options.config.models,
    recordPath: join(home, homeLayout.models),
    files,
    openBackend: options.openBackend ?? createOpener(options, config),
    clock,
    telemetry: { log, metrics },
  });
}

/** The import waits for the first model: an engine without models needs no llama.cpp. */
function createOpener(options: LocalModelsOptions, config: () => EngineConfig): OpenBackend {
  const { clock, log, metrics } = options;
  const cores = createCores({
    usable: options.config.inference.threads ?? usableCores(),
    clock,
    neighbours: createNeighbours(() => clock.monotonic()),
  });
  return async (file, spec, signal) => {
    const { createLlamaBackend } = await import("../inference/llama/backend.ts");
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
