/** From Kubernetes' objects to the catalog: a model's ConfigMap is its route, the EndpointSlices of its Services are its workers. Pure. */
import type { RouteConfig } from "../../contract/config.ts";
import { type KubernetesObject, labels, modelConfigKeys } from "../../contract/kubernetes.ts";
import { ModelSpec } from "../../contract/model.ts";
import type { CatalogEntry, Track, WorkerAddress } from "./catalog.ts";
import { serverOf } from "./static-catalog.ts";

/** On each EndpointSlice, the Service that it belongs to. */
export const serviceLabel = "kubernetes.io/service-name";

export type ParsedRoute = { route: RouteConfig } | { wrong: string };

/** The route in a model's ConfigMap, or what is wrong with it. */
export function parseRoute(configMap: KubernetesObject): ParsedRoute {
  const text = asRecord(configMap.data)?.[modelConfigKeys.route];
  if (typeof text !== "string") return { wrong: `it has no key ${modelConfigKeys.route}` };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { wrong: `${modelConfigKeys.route} is no JSON` };
  }
  const given = asRecord(value);
  const spec = ModelSpec.safeParse(given?.spec);
  if (given === undefined || !spec.success)
    return { wrong: spec.error?.issues[0]?.message ?? "it is no object" };
  if (spec.data.name !== configMap.metadata.labels?.[labels.model])
    return { wrong: `its spec is of "${spec.data.name}" and its label names another model` };
  return {
    route: {
      spec: spec.data,
      service: asText(given.service),
      canaryService: asText(given.canaryService),
      workload: toWorkload(given.workload),
      port: asNumber(given.port) ?? 0,
      startupBudgetSeconds: asNumber(given.startupBudgetSeconds) ?? 0,
    },
  };
}

function toWorkload(value: unknown): RouteConfig["workload"] {
  const { kind, name } = asRecord(value) ?? {};
  if ((kind !== "Deployment" && kind !== "StatefulSet") || typeof name !== "string")
    return undefined;
  return { kind, name };
}

/** The workers of a route; `slicesOf` gives the EndpointSlices of a Service. */
export function toEntry(
  route: RouteConfig,
  slicesOf: (service: string) => readonly KubernetesObject[],
): CatalogEntry {
  const tracks: [Track, string | undefined][] = [
    ["stable", route.service],
    ["canary", route.canaryService],
  ];
  const workers = new Map<string, WorkerAddress>();
  for (const [track, service] of tracks) {
    if (service === undefined) continue;
    for (const slice of slicesOf(service))
      for (const worker of toWorkers(slice, track, route.port)) {
        // While a Service's slices are rewritten an endpoint may stand in two of them.
        const before = workers.get(worker.id);
        if (before === undefined || worker.accepting) workers.set(worker.id, worker);
      }
  }
  return { route, workers: [...workers.values(), ...serverOf(route.spec)] };
}

function toWorkers(slice: KubernetesObject, track: Track, usualPort: number): WorkerAddress[] {
  const [port] = asList(slice.ports);
  const number = asNumber(asRecord(port)?.port) ?? usualPort;
  return asList(slice.endpoints).flatMap(value => {
    const endpoint = asRecord(value);
    const [address] = asList(endpoint?.addresses);
    if (typeof address !== "string") return [];
    const { ready, serving, terminating } = asRecord(endpoint?.conditions) ?? {};
    // Absent means yes for `ready` and `serving`, and no for `terminating`.
    const accepting = ready !== false && serving !== false && terminating !== true;
    const starting = !accepting && terminating !== true;
    const host = address.includes(":") ? `[${address}]` : address;
    const pod = asText(asRecord(endpoint?.targetRef)?.name);
    const id = pod ?? `${host}:${number}`;
    const url = `http://${host}:${number}`;
    return [{ id, url, track, accepting, ...(starting ? { starting } : {}) }];
  });
}

/** Whether two entries say the same, so that nobody is told of a change that is none. */
export function isSameEntry(left: CatalogEntry, right: CatalogEntry): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function asText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function asNumber(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
