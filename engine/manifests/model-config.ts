/** The ConfigMap of a model: its route for gateways and the configuration that its workers read at their start. */
import { createHash } from "node:crypto";
import type { EngineConfigInput, RouteConfig } from "../contract/config.ts";
import { defaultPorts } from "../contract/endpoints.ts";
import { mountPaths } from "../contract/kubernetes.ts";
import type { ModelSpec, ModelSpecInput } from "../contract/model.ts";
import type { Platform, Profile } from "../contract/platform.ts";
import { parseSource } from "../contract/source.ts";
import { toText } from "./objects.ts";
import { parseQuantity } from "./quantity.ts";

export interface WorkerWeights {
  source: string;
  sha256?: string | undefined;
}

/** What the worker is told: of the specification only what it does itself, so that nothing else rolls its pods. */
export function renderWorkerConfig(
  spec: ModelSpec,
  weights: WorkerWeights,
  profile: Profile,
  platform: Platform,
): string {
  const { name, context, slots, kv, adapters } = spec;
  const model: ModelSpecInput = {
    name,
    source: toMountedSource(weights.source),
    ...(weights.sha256 === undefined ? {} : { sha256: weights.sha256 }),
    ...(context === undefined ? {} : { context }),
    slots,
    ...(kv === undefined ? {} : { kv }),
    ...(adapters === undefined
      ? {}
      : { adapters: adapters.map(item => ({ ...item, source: toMountedSource(item.source) })) }),
  };
  const threads = threadsOf(profile);
  const config: EngineConfigInput = {
    role: "worker",
    host: "0.0.0.0",
    auth: "none",
    graceSeconds: platform.requestSeconds,
    models: [model],
    inference: {
      requestSeconds: platform.requestSeconds,
      ...(threads === undefined ? {} : { threads }),
    },
    log: { format: "json" },
  };
  return toText(config);
}

export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A claim is mounted, so for its worker the weights are a file. */
export function toMountedSource(uri: string): string {
  const source = parseSource(uri);
  if (source.scheme !== "pvc") return uri;
  const path = source.path.split("/").map(encodeURIComponent).join("/");
  return `file://${mountPaths.models}/${path}`;
}

/** The engine follows a quota by itself; where there is none it would take the whole machine. */
function threadsOf(profile: Profile): number | undefined {
  if (profile.cpuLimit !== undefined) return undefined;
  return Math.max(1, Math.round(parseQuantity(profile.cpu)));
}

export function renderRoute(route: Omit<RouteConfig, "port">): string {
  return toText({ ...route, port: defaultPorts.main });
}
