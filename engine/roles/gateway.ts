/** Role `gateway`: every dialect, conversations and memory over models that workers serve. */
import type { EngineConfig } from "../contract/config.ts";
import type { RouteCatalog } from "../inference/routing/catalog.ts";
import { createRoutedModels } from "../inference/routing/routed-models.ts";
import { createStaticCatalog } from "../inference/routing/static-catalog.ts";
import type { OpenWorker } from "../inference/routing/worker-pool.ts";
import type { Scaler } from "../inference/scaling/scaler.ts";
import { createIds } from "../kit/identifiers.ts";
import type { Cluster } from "../kubernetes/cluster.ts";
import { installationNames } from "../manifests/names.ts";
import type { Counters } from "../stores/counters.ts";
import type { Stores } from "../stores/store.ts";
import { openCluster } from "./cluster.ts";
import { type ClusterKeys, createClusterKeys } from "./cluster-keys.ts";
import { createFront, type Front } from "./front.ts";
import type { RoleOptions } from "./running.ts";
import { openCounters, openStores } from "./stores.ts";
import { createWorkerOpener } from "./worker-opener.ts";

export interface GatewayOptions extends RoleOptions {
  adminKey: string;
  /** Shown to workers. */
  workerKey: string | undefined;
  stores?: Stores;
  counters?: Counters;
  openWorker?: OpenWorker;
}

export async function startGateway(options: GatewayOptions): Promise<Front> {
  const { config, clock, random, log, metrics } = options;
  const telemetry = { log, metrics };
  const current: { config: EngineConfig } = { config };
  const newId = createIds(clock, random);
  const stores = options.stores ?? (await openStores(options, newId));
  const counters = options.counters ?? (await openCounters(options));
  const isOnKubernetes = config.gateway.namespace !== undefined;
  const cluster = isOnKubernetes ? await openCluster(options) : undefined;
  let scaler: Scaler | undefined;
  const catalog = await openCatalog(options, cluster, model => scaler?.wake(model));
  const models = createRoutedModels({
    catalog,
    openWorker: options.openWorker ?? createWorkerOpener(options),
    holdSeconds: config.gateway.holdSeconds,
    onTakenBack: (...taken) => scaler?.tellTakenBack(...taken),
    clock,
    random,
    telemetry,
  });
  const keys = cluster === undefined ? undefined : openKeys(options, cluster);
  if (cluster !== undefined) {
    const { createScaler } = await import("../inference/scaling/scaler.ts");
    scaler = createScaler({
      cluster,
      namespace: config.gateway.namespace ?? cluster.defaultNamespace,
      leaseName: installationNames(config.gateway.installation).scalerLease,
      instance: options.instance,
      mayLead: config.gateway.scaler,
      catalog,
      demand: models.demand,
      onTakenBack: models.takeBack,
      clock,
      telemetry,
    });
  }
  return createFront({
    ...options,
    ...{ current, models, stores, counters, newId },
    ...(keys === undefined ? {} : { admission: keys.addTo }),
    reasons() {
      const { ready, reason } = catalog.status();
      return [
        ...(ready ? [] : [reason ?? "the models are not known yet"]),
        ...(keys === undefined || keys.isKnown() ? [] : ["the cluster's keys are not known yet"]),
      ];
    },
    async close() {
      await scaler?.close();
      keys?.close();
      await catalog.close();
      cluster?.close();
    },
  });
}

function openKeys({ config, log }: GatewayOptions, cluster: Cluster): ClusterKeys {
  const { namespace = cluster.defaultNamespace, installation } = config.gateway;
  return createClusterKeys({ cluster, namespace, installation, log });
}

async function openCatalog(
  { config, log }: GatewayOptions,
  cluster: Cluster | undefined,
  onWake: (model: string) => void,
): Promise<RouteCatalog> {
  const { namespace, workers } = config.gateway;
  if (cluster === undefined || namespace === undefined)
    return createStaticCatalog({ models: config.models, workers });
  const { createKubernetesCatalog } = await import("../inference/routing/kubernetes-catalog.ts");
  return createKubernetesCatalog({ cluster, namespace, onWake, log });
}
