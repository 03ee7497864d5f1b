/** Role `gateway`: every dialect, conversations and memory over models that workers serve. */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { EngineConfig } from "../contract/config.ts";
import { EngineError } from "../contract/errors.ts";
import type { RouteCatalog } from "../inference/routing/catalog.ts";
import { createRoutedModels } from "../inference/routing/routed-models.ts";
import { createStaticCatalog } from "../inference/routing/static-catalog.ts";
import type { OpenWorker } from "../inference/routing/worker-pool.ts";
import type { Scaler } from "../inference/scaling/scaler.ts";
import { createIds } from "../kit/identifiers.ts";
import type { Cluster } from "../kubernetes/cluster.ts";
import type { Counters } from "../stores/counters.ts";
import type { Stores } from "../stores/store.ts";
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
  const cluster = await openCluster(options);
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
  if (cluster !== undefined) {
    const { createScaler } = await import("../inference/scaling/scaler.ts");
    scaler = createScaler({
      cluster,
      namespace: config.gateway.namespace ?? cluster.defaultNamespace,
      leaseName: `${config.gateway.installation}-scaler`,
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
    reasons() {
      const { ready, reason } = catalog.status();
      return ready ? [] : [reason ?? "the models are not known yet"];
    },
    async close() {
      await scaler?.close();
      await catalog.close();
      cluster?.close();
    },
  });
}

/** Only where models are found through the Kubernetes API. */
async function openCluster(options: GatewayOptions): Promise<Cluster | undefined> {
  if (options.config.gateway.namespace === undefined) return undefined;
  const [{ connectionInCluster, connectionFromKubeconfig }, { createCluster }] = await Promise.all([
    import("../kubernetes/connection.ts"),
    import("../kubernetes/client.ts"),
  ]);
  const fromKubeconfig = (environment: NonNullable<RoleOptions["environment"]>) => {
    const path = environment.KUBECONFIG;
    if (!path) return undefined;
    return connectionFromKubeconfig({
      text: readFileSync(path, "utf8"),
      folder: dirname(path),
      environment,
    });
  };
  const { environment = {} } = options;
  const connection = connectionInCluster({ environment }) ?? fromKubeconfig(environment);
  if (connection === undefined)
    throw new EngineError("invalid_config", "`gateway.namespace` is set outside of a cluster.", {
      field: "gateway.namespace",
      remedy:
        "Run the gateway in a pod with a service account, set KUBECONFIG, or name `gateway.workers` instead.",
    });
  return createCluster(connection, { log: options.log, clock: options.clock });
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
