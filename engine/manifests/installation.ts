/** planInstallation: what serves all models together: namespace, gateway, stores, and who may reach and do what. */
import { defaultPorts, paths } from "../contract/endpoints.ts";
import { EngineError } from "../contract/errors.ts";
import {
  annotations,
  type KubernetesObject,
  labels as labelNames,
} from "../contract/kubernetes.ts";
import type { Platform } from "../contract/platform.ts";
import { bindingOf, gatewayRules } from "./gateway-access.ts";
import { denyAll, gatewayPolicy, isOpenToAll } from "./gateway-network.ts";
import { gatewayFiles, type InstallationSettings, renderGatewayPod } from "./gateway-pod.ts";
import { podMonitorApi } from "./model.ts";
import { installationNames, selectorLabels } from "./names.ts";
import {
  createDrafter,
  type Draft,
  type DraftOf,
  type ObjectDraft,
  present,
  toObject,
} from "./objects.ts";
import { restrictedNamespace } from "./security.ts";
import { clusterService } from "./services.ts";
import { planPostgres, planValkey } from "./stores.ts";

export const httpRouteApi = "gateway.networking.k8s.io/v1/HTTPRoute";

export interface InstallationPlanInput {
  platform: Platform;
  settings: InstallationSettings;
  /** Of the engine; becomes the version label. */
  version: string;
  /** Who applies it: becomes the managed-by label. */
  managedBy: string;
}

/** In an order in which they can be created one by one. @throws EngineError invalid_config */
export function planInstallation(input: InstallationPlanInput): KubernetesObject[] {
  const { platform, version, managedBy } = input;
  const names = installationNames(platform.installation);
  const of = (component: "gateway" | "postgres" | "valkey") =>
    createDrafter(platform, { component, version, managedBy });
  const draft = of("gateway");
  const { database, cache } = platform;
  return [
    namespaceOf(platform, draft),
    ...(platform.networkPolicies
      ? [draft("networking.k8s.io/v1", "NetworkPolicy", names.denyAll, { spec: denyAll })]
      : []),
    ...planVolumes(platform, draft),
    ...(database.kind === "postgres" ? planPostgres(platform, database, of("postgres")) : []),
    ...(cache.kind === "valkey" ? planValkey(platform, cache, of("valkey")) : []),
    ...planGateway(input, draft),
  ].map(toObject);
}

function namespaceOf(platform: Platform, draft: DraftOf): ObjectDraft {
  const { metadata, ...rest } = draft("v1", "Namespace", platform.namespace, {});
  const { namespace: _, labels, ...own } = metadata;
  return { ...rest, metadata: { ...own, labels: { ...labels, ...restrictedNamespace, ...kept } } };
}

const kept = { [labelNames.kept]: "true" };

/** Memory and weights stay when the rest is taken down. */
function planVolumes(platform: Platform, drafter: DraftOf): ObjectDraft[] {
  const draft: DraftOf = (...given) => {
    const { metadata, ...rest } = drafter(...given);
    return { ...rest, metadata: { ...metadata, labels: { ...metadata.labels, ...kept } } };
  };
  const names = installationNames(platform.installation);
  const { database, storage } = platform;
  const claim = (mode: string, size: string, storageClassName: string | undefined): Draft => ({
    accessModes: [mode],
    storageClassName,
    resources: { requests: { storage: size } },
  });
  return present(
    database.kind === "embedded" &&
      draft("v1", "PersistentVolumeClaim", names.memory, {
        spec: claim("ReadWriteOnce", database.size, database.class),
      }),
    storage.shared !== undefined &&
      draft("v1", "PersistentVolumeClaim", names.weights, {
        spec: claim("ReadWriteMany", storage.sharedSize, storage.shared),
      }),
  );
}

/** Who checks the objects alone, as policies do, sees that the platform means it. */
function declarePublic({ gateway }: Platform, service: ObjectDraft): ObjectDraft {
  if (gateway.service === "ClusterIP") return service;
  const metadata = { ...service.metadata, annotations: { [annotations.public]: "declared" } };
  return { ...service, metadata };
}

function planGateway({ platform, settings }: InstallationPlanInput, draft: DraftOf): ObjectDraft[] {
  refuseTwoWriters(platform);
  const names = installationNames(platform.installation);
  const name = names.gateway;
  const files = gatewayFiles(platform, settings);
  const selector = selectorLabels(platform, "gateway");
  return present(
    draft("v1", "ServiceAccount", name, { automountServiceAccountToken: false }),
    draft("rbac.authorization.k8s.io/v1", "Role", name, { rules: gatewayRules(platform) }),
    draft("rbac.authorization.k8s.io/v1", "RoleBinding", name, bindingOf(name, platform)),
    draft("v1", "ConfigMap", name, { data: files }),
    platform.networkPolicies &&
      draft("networking.k8s.io/v1", "NetworkPolicy", name, { spec: gatewayPolicy(platform) }),
    draft("policy/v1", "PodDisruptionBudget", name, {
      spec: {
        maxUnavailable: 1,
        unhealthyPodEvictionPolicy: "AlwaysAllow",
        selector: { matchLabels: selector },
      },
    }),
    declarePublic(
      platform,
      draft("v1", "Service", names.service, { spec: clientService(platform, selector) }),
    ),
    draft("apps/v1", "Deployment", name, {
      spec: {
        replicas: platform.gateway.replicas,
        revisionHistoryLimit: 3,
        strategy: strategyOf(platform),
        selector: { matchLabels: selector },
        template: renderGatewayPod(platform, files),
      },
    }),
    doorOf(platform, draft),
    platform.apis.includes(podMonitorApi) &&
      draft("monitoring.coreos.com/v1", "PodMonitor", name, {
        spec: {
          selector: { matchLabels: selector },
          podMetricsEndpoints: [metricsEndpoint(platform, settings)],
        },
      }),
  );
}

/** One file has one writer. */
function refuseTwoWriters({ database, gateway }: Platform): void {
  if (database.kind !== "embedded" || gateway.replicas === 1) return;
  throw new EngineError(
    "invalid_config",
    `${gateway.replicas} gateways cannot share the embedded database.`,
    { field: "gateway.replicas", remedy: "Declare a PostgreSQL as `database`, or one gateway." },
  );
}

/** The one gateway with the file goes before its successor comes. */
function strategyOf({ database }: Platform): Draft {
  if (database.kind === "embedded") return { type: "Recreate" };
  return { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
}

function clientService(platform: Platform, selector: Record<string, string>): Draft {
  const { service } = platform.gateway;
  const inner = clusterService(selector, [
    ["http", defaultPorts.main],
    ["ollama", defaultPorts.ollama],
  ]);
  if (service === "ClusterIP") return inner;
  // Only so does the policy see the client's own address.
  const local = isOpenToAll(platform) ? undefined : "Local";
  return {
    ...inner,
    type: service,
    externalTrafficPolicy: local,
    loadBalancerSourceRanges:
      service === "LoadBalancer" && local !== undefined ? platform.clientCidrs : undefined,
  };
}

/** The way in by a host's name. @throws EngineError invalid_config */
function doorOf(platform: Platform, draft: DraftOf): ObjectDraft | undefined {
  const { host, route } = platform.gateway;
  const names = installationNames(platform.installation);
  if (host === undefined) {
    refuseHostless(platform);
    return undefined;
  }
  if (route === undefined)
    return draft("networking.k8s.io/v1", "Ingress", names.service, {
      spec: ingress(platform, host),
    });
  if (!platform.apis.includes(httpRouteApi))
    throw new EngineError(
      "invalid_config",
      `\`gateway.route\` needs the API ${httpRouteApi}, and the platform does not name it.`,
      {
        field: "gateway.route",
        remedy: "Add it to `apis` when the cluster has it, or leave `gateway.route` out.",
      },
    );
  return draft("gateway.networking.k8s.io/v1", "HTTPRoute", names.service, {
    spec: {
      parentRefs: [{ name: route.gateway, namespace: route.namespace }],
      hostnames: [host],
      rules: [{ backendRefs: [{ name: names.service, port: defaultPorts.main }] }],
    },
  });
}

function refuseHostless({ gateway }: Platform): void {
  const field = (["route", "ingressClass", "tlsSecret"] as const).find(
    name => gateway[name] !== undefined,
  );
  if (field === undefined) return;
  throw new EngineError("invalid_config", `\`gateway.${field}\` has no host.`, {
    field: `gateway.${field}`,
    remedy: "Name the host in `gateway.host`.",
  });
}

function ingress(platform: Platform, host: string): Draft {
  const { ingressClass, tlsSecret } = platform.gateway;
  const { service } = installationNames(platform.installation);
  const backend = { service: { name: service, port: { name: "http" } } };
  return {
    ingressClassName: ingressClass,
    tls: tlsSecret === undefined ? undefined : [{ hosts: [host], secretName: tlsSecret }],
    rules: [{ host, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }],
  };
}

/** Where there are keys, metrics want one too: series name models. */
function metricsEndpoint(platform: Platform, settings: InstallationSettings): Draft {
  const { metricsKey } = installationNames(platform.installation);
  const hasKeys = (settings.keys ?? []).length > 0;
  return {
    port: "http",
    path: paths.metrics,
    authorization: hasKeys ? { credentials: { name: metricsKey, key: "key" } } : undefined,
  };
}
