/** Watched: live copies of all that a model's state follows from, and which model each change concerns. */
import { type KubernetesObject, labels, type ObjectKind } from "../contract/kubernetes.ts";
import type { Platform } from "../contract/platform.ts";
import type { Cluster, Informer, WatchEvent } from "../kubernetes/cluster.ts";
import { kinds } from "../kubernetes/kinds.ts";
import { installationNames } from "../manifests/names.ts";
import { identify, type LiveObjects } from "./applier.ts";

export interface Watched {
  models: ReadonlyMap<string, KubernetesObject>;
  /** Objects with this operator's label, by `Kind/name`. */
  ownedBy(model: string): LiveObjects;
  podsOf(model: string): KubernetesObject[];
  /** Of the claims that pods of the model mount. */
  claimsOf(pods: readonly KubernetesObject[]): { name: string; phase: string }[];
  hasGateway(): boolean;
  synced(): Promise<void>;
  close(): void;
}

export interface WatchedOptions {
  cluster: Cluster;
  platform: Platform;
  /** Value of the managed-by label. */
  managedBy: string;
  onModel: (event: WatchEvent) => void;
  /** An object of that model has changed. */
  onOwned: (model: string) => void;
  /** An object with this operator's label was removed. */
  onGone: (object: KubernetesObject) => void;
  /** Something has changed that concerns all. */
  onGateway: () => void;
}

/** Kinds that plans are made of; those of others only where they are served. */
function ownedKinds({ apis }: Platform): ObjectKind[] {
  const foreign = [kinds.podMonitor, kinds.scaledObject].filter(({ apiVersion, kind }) =>
    apis.includes(`${apiVersion}/${kind}`),
  );
  return [
    kinds.serviceAccount,
    kinds.configMap,
    kinds.networkPolicy,
    kinds.podDisruptionBudget,
    kinds.service,
    kinds.deployment,
    kinds.statefulSet,
    kinds.horizontalPodAutoscaler,
    ...foreign,
  ];
}

/** Objects of one kind of group, found by the model that they serve. */
function createIndex(onChange: (model: string) => void, onGone?: WatchedOptions["onGone"]) {
  const byModel = new Map<string, Map<string, KubernetesObject>>();
  return {
    of: (model: string): LiveObjects => byModel.get(model) ?? new Map(),
    take({ type, object }: WatchEvent) {
      const model = object.metadata.labels?.[labels.model];
      if (model === undefined) return;
      const own = byModel.get(model) ?? new Map<string, KubernetesObject>();
      if (type === "deleted") {
        own.delete(identify(object));
        onGone?.(object);
      } else own.set(identify(object), object);
      if (own.size === 0) byModel.delete(model);
      else byModel.set(model, own);
      onChange(model);
    },
  };
}

export function watchAll(options: WatchedOptions): Watched {
  const { cluster, platform, managedBy } = options;
  const { namespace } = platform;
  const owned = createIndex(options.onOwned, options.onGone);
  const pods = createIndex(options.onOwned);
  const service = installationNames(platform.installation).service;
  const ours = `${labels.model},${labels.managedBy}=${managedBy}`;
  const inform = (kind: ObjectKind, selection: string | undefined, on: (e: WatchEvent) => void) =>
    cluster.inform(
      kind,
      { namespace, ...(selection === undefined ? {} : { labels: selection }) },
      on,
    );
  const models = inform(kinds.model, undefined, options.onModel);
  const claims = inform(kinds.persistentVolumeClaim, undefined, ({ object }) => {
    const model = object.metadata.labels?.[labels.model];
    if (model !== undefined) options.onOwned(model);
  });
  const gateways = inform(
    kinds.endpointSlice,
    `kubernetes.io/service-name=${service}`,
    options.onGateway,
  );
  const informers: Informer[] = [
    models,
    claims,
    gateways,
    inform(kinds.pod, labels.model, pods.take),
    ...ownedKinds(platform).map(kind => inform(kind, ours, owned.take)),
  ];

  return {
    models: models.objects,
    ownedBy: owned.of,
    podsOf: model => [...pods.of(model).values()],
    claimsOf: mounted =>
      claimNames(mounted).map(name => {
        const claim = claims.objects.get(`${namespace}/${name}`);
        const phase = (claim?.status as { phase?: string } | undefined)?.phase;
        return { name, phase: claim === undefined ? "Missing" : (phase ?? "Pending") };
      }),
    hasGateway: () => [...gateways.objects.values()].some(hasReady),
    synced: async () => {
      await Promise.all(informers.map(informer => informer.synced()));
    },
    close: () => {
      for (const informer of informers) informer.close();
    },
  };
}

function claimNames(pods: readonly KubernetesObject[]): string[] {
  const names = pods.flatMap(({ spec }) => {
    const { volumes = [] } = (spec ?? {}) as {
      volumes?: { persistentVolumeClaim?: { claimName: string } }[];
    };
    return volumes.flatMap(({ persistentVolumeClaim: claim }) => claim?.claimName ?? []);
  });
  return [...new Set(names)];
}

function hasReady({ endpoints }: KubernetesObject): boolean {
  return ((endpoints ?? []) as { conditions?: { ready?: boolean } }[]).some(
    ({ conditions }) => conditions?.ready !== false,
  );
}
