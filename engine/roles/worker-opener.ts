/** How a gateway opens a worker: ours by the worker protocol, a server of others by OpenAI's API with its own key. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RouteConfig } from "../contract/config.ts";
import { EngineError } from "../contract/errors.ts";
import { mountPaths } from "../contract/kubernetes.ts";
import { parseSource } from "../contract/source.ts";
import { createRemoteBackend } from "../inference/remote.ts";
import type { OpenWorker } from "../inference/routing/worker-pool.ts";
import type { Clock } from "../kit/clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";

export interface WorkerOpenerOptions extends Telemetry {
  clock: Clock;
  workerKey: string | undefined;
  /** Where the keys of others' servers are, one file each. */
  endpointsFolder?: string;
}

export function createWorkerOpener(options: WorkerOpenerOptions): OpenWorker {
  const { clock, log, metrics, workerKey, endpointsFolder = mountPaths.endpoints } = options;
  const common = { clock, telemetry: { log, metrics } };
  return ({ url, starting = false, isOthers = false }, route, signal) => {
    const { spec } = route;
    const source = parseSource(spec.source);
    if (source.scheme !== "openai" || !isOthers)
      return createRemoteBackend(
        {
          ...common,
          ...{ url, model: spec.name, kind: "worker", key: workerKey, isStarting: starting },
        },
        signal,
      );
    const { model } = source;
    const { sourceSecret } = spec;
    // A key that is replaced holds from the next request on.
    const key =
      sourceSecret && (() => readEndpointKey(route, join(endpointsFolder, sourceSecret.key)));
    return createRemoteBackend({ ...common, url, model, kind: "openai", key }, signal);
  };
}

/** Keys of others' servers are mounted into gateways, one file a key of the Secret. */
function readEndpointKey({ spec }: RouteConfig, path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new EngineError("model_not_ready", `The key of "${spec.name}" cannot be read: ${why}.`, {
      remedy: `Put it into the Secret of the installation's endpoints, as ${spec.sourceSecret?.key}.`,
    });
  }
}
