/** The pod of a worker: everything that keeps its promises, and what a specification may add to it. */
import { defaultPorts } from "../contract/endpoints.ts";
import { EngineError } from "../contract/errors.ts";
import { annotations, labels, modelConfigKeys, mountPaths } from "../contract/kubernetes.ts";
import type { ModelSpec } from "../contract/model.ts";
import type { Platform, Prediction, Profile } from "../contract/platform.ts";
import { workerKeyVariable } from "../contract/worker.ts";
import { digestOf } from "./model-config.ts";
import type { WeightStorage } from "./model-storage.ts";
import { installationNames, modelNames, selectorLabels } from "./names.ts";
import type { Draft } from "./objects.ts";
import { engineProbes, graceOf } from "./probes.ts";
import { mebibyte, parseQuantity, toMebibytes, toMillicores } from "./quantity.ts";
import { containerSecurity, podSecurity } from "./security.ts";
import { memoryMargin } from "./sizing.ts";

export type Track = "stable" | "canary";

export interface WorkerPod {
  spec: ModelSpec;
  platform: Platform;
  profile: Profile;
  track: Track;
  /** What the worker reads; its digest rolls the pods. */
  config: string;
  storage: WeightStorage;
  prediction: Prediction | undefined;
}

/** Of weights whose header could not be read, where the profile says nothing either. */
const unknownMemoryBytes = 4 * 1024 * mebibyte;
const unknownBudgetSeconds = 1_800;

export function startupBudget(prediction: Prediction | undefined): number {
  return prediction?.startupBudgetSeconds ?? unknownBudgetSeconds;
}

export function workerSelector(spec: ModelSpec, platform: Platform, track: Track) {
  return { ...selectorLabels(platform, "worker", spec.name), [labels.track]: track };
}

export function renderWorkerPod(pod: WorkerPod): Draft {
  const { spec, platform, profile, track } = pod;
  const own = workerSelector(spec, platform, track);
  const grace = graceOf(platform.requestSeconds, platform.gateway.drainSeconds);
  const pullSecrets = [...platform.imagePullSecrets, ...(spec.pod?.imagePullSecrets ?? [])];
  return {
    metadata: {
      labels: { ...ownedNames(spec.pod?.labels, "pod.labels"), ...own },
      annotations: {
        ...ownedNames(spec.pod?.annotations, "pod.annotations"),
        [annotations.configDigest]: digestOf(pod.config),
      },
    },
    spec: {
      serviceAccountName: modelNames(spec.name).main,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: grace.terminationGracePeriodSeconds,
      securityContext: podSecurity(),
      priorityClassName: spec.priority,
      runtimeClassName: spec.pod?.runtimeClassName ?? profile.runtimeClassName,
      schedulerName: spec.pod?.schedulerName,
      nodeSelector: unlessEmpty({ ...profile.nodeSelector, ...spec.pod?.nodeSelector }),
      tolerations: unlessNone([...profile.tolerations, ...(spec.pod?.tolerations ?? [])]),
      topologySpreadConstraints: spreadOf(spec, own),
      imagePullSecrets: unlessNone([...new Set(pullSecrets)].map(name => ({ name }))),
      containers: [renderContainer(pod, grace.lifecycle)],
      volumes: [
        {
          name: "config",
          configMap: {
            name: modelNames(spec.name).main,
            items: [
              {
                key: track === "canary" ? modelConfigKeys.canary : modelConfigKeys.engine,
                path: "engine.yaml",
              },
            ],
          },
        },
        ...pod.storage.volumes,
      ],
    },
  };
}

function renderContainer(pod: WorkerPod, lifecycle: Draft): Draft {
  const { spec, platform } = pod;
  return {
    name: "engine",
    image: pod.profile.image ?? platform.image,
    imagePullPolicy: platform.imagePullPolicy,
    args: [
      "--home",
      mountPaths.home,
      "--config",
      mountPaths.configFile,
      "--instance",
      "$(POD_NAME)",
    ],
    env: renderEnvironment(spec, platform),
    ports: [{ name: "http", containerPort: defaultPorts.main, protocol: "TCP" }],
    ...engineProbes("http", { startupBudgetSeconds: startupBudget(pod.prediction) }),
    lifecycle,
    resources: renderResources(pod),
    securityContext: containerSecurity,
    volumeMounts: [
      { name: "config", mountPath: mountPaths.config, readOnly: true },
      ...pod.storage.mounts,
    ],
  };
}

/** Set by the plan itself, or what would run code of others beside the pod's keys. */
const ownVariables = /^(ECHORATOR_|HF_TOKEN$|POD_NAME$|NODE_|LD_)/;
/** Where the token is sent to is nobody's choice who may only name it. */
const hubVariable = "HF_ENDPOINT";

function renderEnvironment(spec: ModelSpec, platform: Platform): Draft[] {
  const { sourceSecret } = spec;
  const added = Object.entries(spec.pod?.env ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const hasToken = sourceSecret !== undefined && spec.source.startsWith("hf:");
  const taken = added.find(
    ([name]) =>
      ownVariables.test(name) || (hasToken && name === hubVariable) || !/^[A-Za-z_]\w*$/.test(name),
  );
  if (taken !== undefined)
    throw new EngineError("invalid_config", `pod.env: ${taken[0]} cannot be set there.`, {
      field: `pod.env.${taken[0]}`,
      remedy: "Use the fields of the model; `sourceSecret` names the token of the source.",
    });
  return [
    { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
    ...(hasToken ? [{ name: "HF_TOKEN", valueFrom: { secretKeyRef: { ...sourceSecret } } }] : []),
    workerKeyFrom(platform),
    ...added.map(([name, value]) => ({ name, value })),
  ];
}

/** The Secret may be missing: then the network alone keeps others out. */
export function workerKeyFrom(platform: Platform): Draft {
  const name = installationNames(platform.installation).workerKey;
  return {
    name: workerKeyVariable,
    valueFrom: { secretKeyRef: { name, key: "key", optional: true } },
  };
}

function renderResources({ profile, prediction, storage }: WorkerPod): Draft {
  const memory = podMemory(profile, prediction);
  const cpu = coresOf(profile);
  const gpus = profile.gpus === 0 ? {} : { [gpuResource(profile)]: String(profile.gpus) };
  const disk = toMebibytes(storage.ephemeralBytes + logBytes);
  return {
    requests: { cpu: cpu.request, memory, "ephemeral-storage": disk, ...gpus },
    limits: { cpu: cpu.limit, memory, "ephemeral-storage": disk, ...gpus },
  };
}

/** Lines that a container may have written before they are rotated. */
const logBytes = 128 * mebibyte;

/** Weights on a GPU leave the machine's memory to the process alone. */
function podMemory(profile: Profile, prediction: Prediction | undefined): string {
  if (profile.memory !== undefined) return toMebibytes(parseQuantity(profile.memory));
  if (prediction === undefined) return toMebibytes(unknownMemoryBytes);
  const { memoryBytes, overheadBytes, computeBytes } = prediction;
  const bytes = profile.gpus > 0 ? 4 * overheadBytes + computeBytes : memoryBytes;
  return toMebibytes(bytes * memoryMargin);
}

function coresOf(profile: Profile) {
  const request = parseQuantity(profile.cpu);
  const limit = profile.cpuLimit === undefined ? undefined : parseQuantity(profile.cpuLimit);
  return {
    request: toMillicores(request),
    limit: limit === undefined ? undefined : toMillicores(Math.max(limit, request)),
  };
}

const vendorResources = {
  nvidia: "nvidia.com/gpu",
  amd: "amd.com/gpu",
  intel: "gpu.intel.com/i915",
} as const;

function gpuResource(profile: Profile): string {
  if (profile.resourceName !== undefined) return profile.resourceName;
  if (profile.accelerator !== "none") return vendorResources[profile.accelerator];
  throw new EngineError("invalid_config", "A profile has `gpus` and does not say whose.", {
    field: "profiles",
    remedy: "Add `accelerator: nvidia`, amd or intel, or a `resourceName`.",
  });
}

function spreadOf(spec: ModelSpec, own: Record<string, string>): Draft {
  const over = spec.spread ?? "node";
  if (over === "none") return undefined;
  const constraint = (topologyKey: string): Draft => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels: own },
  });
  const node = constraint("kubernetes.io/hostname");
  return over === "zone" ? [constraint("topology.kubernetes.io/zone"), node] : [node];
}

/** Labels and annotations of others; ours are what selectors and rolls stand on. */
function ownedNames(given: Record<string, string> | undefined, field: string) {
  const taken = Object.keys(given ?? {}).find(key =>
    /^(app\.kubernetes\.io|echorator\.dev|pod-security\.kubernetes\.io)\//.test(key),
  );
  if (taken === undefined) return given ?? {};
  throw new EngineError("invalid_config", `${field}: ${taken} is set by Echorator itself.`, {
    field,
    remedy: "Use a domain of your own.",
  });
}

function unlessEmpty(map: Record<string, string>): Draft {
  return Object.keys(map).length === 0 ? undefined : map;
}

function unlessNone(list: Draft[]): Draft {
  return list.length === 0 ? undefined : list;
}
