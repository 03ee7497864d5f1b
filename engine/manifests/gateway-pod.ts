/** The pod of a gateway, its configuration and its ports. */
import { type EngineConfigInput, parseEngineConfig } from "../contract/config.ts";
import { defaultPorts, paths } from "../contract/endpoints.ts";
import { EngineError } from "../contract/errors.ts";
import { annotations, mountPaths } from "../contract/kubernetes.ts";
import type { Platform } from "../contract/platform.ts";
import { storePorts } from "./gateway-network.ts";
import { digestOf } from "./model-config.ts";
import { installationNames, selectorLabels } from "./names.ts";
import { type Draft, present, toText } from "./objects.ts";
import { engineProbes, graceOf } from "./probes.ts";
import { containerSecurity, podSecurity } from "./security.ts";
import { databaseLogin } from "./stores.ts";
import { workerKeyFrom } from "./worker-pod.ts";

/** What of an engine's configuration a stack may say for its gateways. */
export type InstallationSettings = Pick<
  EngineConfigInput,
  "keys" | "memory" | "inference" | "log" | "auth"
>;

/** Until it has read its configuration: one that waits for its database or the API is not ended for that. */
const startupBudgetSeconds = 120;

/** The files of the gateway's ConfigMap. @throws EngineError invalid_config */
export function gatewayFiles(
  platform: Platform,
  settings: InstallationSettings,
): Record<string, string> {
  const names = installationNames(platform.installation);
  const { database, cache } = platform;
  const config: EngineConfigInput = {
    ...settings,
    role: "gateway",
    host: "0.0.0.0",
    graceSeconds: platform.requestSeconds,
    gateway: {
      namespace: platform.namespace,
      installation: platform.installation,
      holdSeconds: platform.gateway.holdSeconds,
    },
    stores: {
      kind: database.kind === "embedded" ? "sqlite" : "postgres",
      ...(database.kind === "embedded" ? {} : { urlFile: databaseUrlFile(platform) }),
      ...(cache.kind === "none" ? {} : { cacheUrlFile: cacheUrlFile(platform) }),
    },
    inference: { requestSeconds: platform.requestSeconds, ...settings.inference },
    log: { format: "json", ...settings.log },
  };
  refuseLongRequests(parseEngineConfig(config, "The gateways' configuration"), platform);
  const { user, database: name } = databaseLogin;
  return {
    "engine.yaml": toText(config),
    ...(database.kind === "postgres" && {
      "database.url": `postgres://${user}@${names.postgres}:${storePorts.postgres}/${name}\n`,
    }),
    ...(cache.kind === "valkey" && {
      "cache.url": `redis://${names.valkey}:${storePorts.valkey}\n`,
    }),
  };
}

/** Of a server of others the URL is a Secret; of our own only the password is, and pg reads that from the environment. */
function databaseUrlFile({ database }: Platform): string {
  const folder = database.kind === "external" ? mountPaths.database : mountPaths.config;
  return database.kind === "external" ? `${folder}/url` : `${folder}/database.url`;
}

function cacheUrlFile({ cache }: Platform): string {
  return cache.kind === "external" ? `${mountPaths.cache}/url` : `${mountPaths.config}/cache.url`;
}

function refuseLongRequests(
  config: { inference: { requestSeconds: number } },
  platform: Platform,
): void {
  const { requestSeconds } = config.inference;
  if (requestSeconds <= platform.requestSeconds) return;
  throw new EngineError(
    "invalid_config",
    `A request may take ${requestSeconds} s, and pods that go wait ${platform.requestSeconds} s for theirs.`,
    {
      field: "inference.requestSeconds",
      remedy: "Give `requestSeconds` of the platform the same value.",
    },
  );
}

export function renderGatewayPod(platform: Platform, files: Record<string, string>): Draft {
  const names = installationNames(platform.installation);
  const selector = selectorLabels(platform, "gateway");
  const grace = graceOf(platform.requestSeconds, platform.gateway.drainSeconds);
  return {
    metadata: {
      labels: selector,
      annotations: { [annotations.configDigest]: digestOf(toText(files)) },
    },
    spec: {
      serviceAccountName: names.gateway,
      // Routes and workers are found through the API.
      automountServiceAccountToken: true,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: grace.terminationGracePeriodSeconds,
      securityContext: podSecurity(),
      imagePullSecrets:
        platform.imagePullSecrets.length === 0
          ? undefined
          : platform.imagePullSecrets.map(name => ({ name })),
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: "kubernetes.io/hostname",
          whenUnsatisfiable: "ScheduleAnyway",
          labelSelector: { matchLabels: selector },
        },
      ],
      containers: [renderContainer(platform, grace.lifecycle)],
      volumes: volumesOf(platform),
    },
  };
}

function renderContainer(platform: Platform, lifecycle: Draft): Draft {
  const { database, gateway } = platform;
  return {
    name: "engine",
    image: platform.image,
    imagePullPolicy: platform.imagePullPolicy,
    args: [
      ...["--home", mountPaths.home],
      ...["--config", mountPaths.configFile],
      ...["--instance", "$(POD_NAME)"],
    ],
    env: present<Draft>(
      { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      workerKeyFrom(platform),
      database.kind === "postgres" && {
        name: "PGPASSWORD",
        valueFrom: { secretKeyRef: { ...database.password } },
      },
    ),
    ports: [
      { name: "http", containerPort: defaultPorts.main, protocol: "TCP" },
      { name: "ollama", containerPort: defaultPorts.ollama, protocol: "TCP" },
    ],
    ...engineProbes("http", { startupBudgetSeconds, startedPath: paths.started }),
    lifecycle,
    resources: {
      requests: { cpu: gateway.cpu, memory: gateway.memory, "ephemeral-storage": "512Mi" },
      limits: { memory: gateway.memory, "ephemeral-storage": "512Mi" },
    },
    securityContext: containerSecurity,
    volumeMounts: mountsOf(platform),
  };
}

function volumesOf(platform: Platform): Draft[] {
  const { database, cache } = platform;
  const names = installationNames(platform.installation);
  const secret = (name: string, ref: { name: string; key: string }): Draft => ({
    name,
    secret: { secretName: ref.name, items: [{ key: ref.key, path: "url" }] },
  });
  return present<Draft>(
    { name: "config", configMap: { name: names.gateway } },
    database.kind === "embedded"
      ? { name: "home", persistentVolumeClaim: { claimName: names.memory } }
      : { name: "home", emptyDir: { sizeLimit: "256Mi" } },
    { name: "temporary", emptyDir: { sizeLimit: "64Mi" } },
    // Whoever declares no server of others needs no such Secret.
    { name: "endpoints", secret: { secretName: names.endpoints, optional: true } },
    database.kind === "external" && secret("database", database.url),
    cache.kind === "external" && secret("cache", cache.url),
  );
}

function mountsOf({ database, cache }: Platform): Draft[] {
  const readOnly = true;
  return present<Draft>(
    { name: "config", mountPath: mountPaths.config, readOnly },
    { name: "home", mountPath: mountPaths.home },
    { name: "temporary", mountPath: "/tmp" },
    { name: "endpoints", mountPath: mountPaths.endpoints, readOnly },
    database.kind === "external" && { name: "database", mountPath: mountPaths.database, readOnly },
    cache.kind === "external" && { name: "cache", mountPath: mountPaths.cache, readOnly },
  );
}
