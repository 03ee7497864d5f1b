/** How a gateway opens a worker: ours by the worker protocol, a server of others by OpenAI's API with its own key. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RouteConfig } from "../contract/config.ts";
import { EngineError } from "../contract/errors.ts";
import { mountPaths } from "../contract/kubernetes.ts";
import { parseSource } from "../contract/source.ts";
import { createRemoteBackend } from "../inference/remote.ts";
import type { OpenWorker } from "../inference/routing/worker-pool.ts";
import type { RoleOptions } from "./running.ts";

export function createWorkerOpener({
  clock,
  log,
  metrics,
  workerKey,
}: Pick<RoleOptions, "clock" | "log" | "metrics"> & { workerKey: string | undefined }): OpenWorker {
  const common = { clock, telemetry: { log, metrics } };
  return ({ url, starting = false }, route, signal) => {
    const { spec } = route;
    const source = parseSource(spec.source);
    if (source.scheme !== "openai" || !url.startsWith(source.url))
      return createRemoteBackend(
        {
          ...common,
          ...{ url, model: spec.name, kind: "worker", key: workerKey, isStarting: starting },
        },
        signal,
      );
    const { model } = source;
    return createRemoteBackend(
      { ...common, url, model, kind: "openai", key: readEndpointKey(route) },
      signal,
    );
  };
}

/** Keys of others' servers are mounted into gateways, one file a key of the Secret. */
function readEndpointKey({ spec }: RouteConfig): string | undefined {
  if (spec.sourceSecret === undefined) return undefined;
  const path = join(mountPaths.endpoints, spec.sourceSecret.key);
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new EngineError("invalid_config", `The key of "${spec.name}" cannot be read: ${why}.`, {
      field: "sourceSecret",
      remedy: `Put it into the Secret of the installation's endpoints, as ${spec.sourceSecret.key}.`,
    });
  }
}
