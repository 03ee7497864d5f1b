/** The catalog of a gateway on Kubernetes: models by their ConfigMaps, workers by the EndpointSlices of their Services, followed as they change. */
import { type KubernetesObject, labels } from "../../contract/kubernetes.ts";
import type { Cluster } from "../../kubernetes/cluster.ts";
import { kinds } from "../../kubernetes/kinds.ts";
import type { Log } from "../../telemetry/telemetry.ts";
import type { CatalogEntry, RouteCatalog } from "./catalog.ts";
import { isSameEntry, parseRoute, serviceLabel, toEntry } from "./endpoints.ts";

export interface KubernetesCatalogOptions {
  cluster: Cluster;
  namespace: string;
  /** A model waits and has no worker: whoever can start one. */
  onWake?: (model: string) => void;
  log: Log;
}

/** When the API server is away, what was last known holds: the informers keep it. */
export function createKubernetesCatalog(options: KubernetesCatalogOptions): RouteCatalog {
  const { cluster, namespace, log } = options;
  const entries = new Map<string, CatalogEntry>();
  const listeners = new Set<() => void>();
  const synced = { routes: false, endpoints: false };
  /** Of ConfigMaps that were wrong, what was wrong; said once. */
  const complaints = new Map<string, string>();
  let isScheduled = false;
  let isClosed = false;

  const schedule = () => {
    if (isScheduled) return;
    isScheduled = true;
    // A list comes as many events; one look at the end of them is enough.
    queueMicrotask(() => {
      isScheduled = false;
      if (!isClosed) refresh();
    });
  };
  const routes = cluster.inform(kinds.configMap, { namespace, labels: labels.model }, schedule);
  const slices = cluster.inform(kinds.endpointSlice, { namespace, labels: serviceLabel }, schedule);
  const mark = (which: keyof typeof synced) => () => {
    synced[which] = true;
    schedule();
  };
  // An informer that is closed before its first list never syncs, and nobody waits for it then.
  routes.synced().then(mark("routes"), () => undefined);
  slices.synced().then(mark("endpoints"), () => undefined);

  const refresh = () => {
    if (!synced.routes || !synced.endpoints) return;
    const byService = groupByService(slices.objects.values());
    const current = new Map<string, CatalogEntry>();
    for (const configMap of routes.objects.values()) {
      const entry = read(configMap, byService);
      if (entry !== undefined) current.set(entry.route.spec.name, entry);
    }
    let isChanged = false;
    for (const [model, entry] of current) {
      const before = entries.get(model);
      if (before !== undefined && isSameEntry(before, entry)) continue;
      entries.set(model, entry);
      isChanged = true;
    }
    for (const model of [...entries.keys()])
      if (!current.has(model)) isChanged = entries.delete(model) || isChanged;
    if (isChanged) for (const listener of listeners) listener();
  };

  /** A route that cannot be read does not take away the one before. */
  const read = (
    configMap: KubernetesObject,
    byService: ReadonlyMap<string, KubernetesObject[]>,
  ): CatalogEntry | undefined => {
    const name = configMap.metadata.name;
    const parsed = parseRoute(configMap);
    const slicesOf = (service: string) => byService.get(service) ?? [];
    if ("route" in parsed) {
      complaints.delete(name);
      return toEntry(parsed.route, slicesOf);
    }
    if (complaints.get(name) !== parsed.wrong)
      log.warn("the route of a model cannot be read", { configMap: name, why: parsed.wrong });
    complaints.set(name, parsed.wrong);
    const before = entries.get(configMap.metadata.labels?.[labels.model] ?? "");
    return before === undefined ? undefined : toEntry(before.route, slicesOf);
  };

  return {
    entries,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    wake: model => options.onWake?.(model),
    status() {
      const ready = synced.routes && synced.endpoints;
      const reason = ready
        ? undefined
        : `the models of namespace "${namespace}" were not read yet from ${cluster.server}`;
      return { ready, reason };
    },
    async close() {
      isClosed = true;
      listeners.clear();
      routes.close();
      slices.close();
    },
  };
}

function groupByService(slices: Iterable<KubernetesObject>): Map<string, KubernetesObject[]> {
  const groups = new Map<string, KubernetesObject[]>();
  for (const slice of slices) {
    const service = slice.metadata.labels?.[serviceLabel];
    if (service === undefined) continue;
    const group = groups.get(service) ?? [];
    groups.set(service, [...group, slice]);
  }
  return groups;
}
