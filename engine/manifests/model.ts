/** planModel: from what is wanted of one model to all of its objects, and what is foretold of it. */
import { defaultPorts, paths } from "../contract/endpoints.ts";
import { EngineError } from "../contract/errors.ts";
import { modelConfigKeys } from "../contract/kubernetes.ts";
import type { ModelSpec } from "../contract/model.ts";
import { cpuProfile, type ModelShape, type Platform, type Profile } from "../contract/platform.ts";
import { parseSource } from "../contract/source.ts";
import { renderRoute, renderWorkerConfig } from "./model-config.ts";
import { endpointPolicy, workerPolicy } from "./model-network.ts";
import { canaryReplicas, planScaling, stableReplicas } from "./model-scaling.ts";
import { planStorage } from "./model-storage.ts";
import { installationNames, modelNames, selectorLabels } from "./names.ts";
import { createDrafter, type Draft, type DraftOf, toObject } from "./objects.ts";
import type { ModelPlan, ModelPlanInput } from "./plan.ts";
import { predict } from "./sizing.ts";
import { weightsKind } from "./weights.ts";
import { renderWorkerPod, startupBudget, type Track, workerSelector } from "./worker-pod.ts";

export const podMonitorApi = "monitoring.coreos.com/v1/PodMonitor";

/** @throws EngineError does_not_fit or invalid_config, before anything is created */
export function planModel(input: ModelPlanInput): ModelPlan {
  return weightsKind(input.spec) === "elsewhere" ? planEndpoint(input) : planWorkers(input);
}

function planWorkers(input: ModelPlanInput): ModelPlan {
  const { spec, platform } = input;
  refuseEndpointCanary(spec);
  const profile = profileOf(spec, platform);
  const stable = planTrack(input, profile, "stable", spec, input.shape);
  const canary = spec.canary && planTrack(input, profile, "canary", spec.canary, input.canaryShape);
  const names = modelNames(spec.name);
  const target = { kind: stable.kind, name: names.main };
  const scaling = planScaling(spec, platform, target);
  const route = renderRoute({
    spec,
    service: names.main,
    canaryService: canary && names.canary,
    workload: target,
    startupBudgetSeconds: startupBudget(stable.prediction),
  });
  const draft = drafter(input);
  const objects = [
    draft("v1", "ServiceAccount", names.main, { automountServiceAccountToken: false }),
    draft("v1", "ConfigMap", names.main, {
      data: {
        [modelConfigKeys.route]: route,
        [modelConfigKeys.engine]: stable.config,
        [modelConfigKeys.canary]: canary?.config,
      },
    }),
    ...(platform.networkPolicies
      ? [
          draft("networking.k8s.io/v1", "NetworkPolicy", names.main, {
            spec: workerPolicy(spec, platform),
          }),
        ]
      : []),
    draft("policy/v1", "PodDisruptionBudget", names.main, {
      spec: disruptionBudget(spec, platform),
    }),
    ...stable.objects,
    ...(canary?.objects ?? []),
    ...(scaling.kind === "hpa"
      ? [draft("autoscaling/v2", "HorizontalPodAutoscaler", names.main, { spec: scaling.spec })]
      : []),
    ...(scaling.kind === "keda"
      ? [draft("keda.sh/v1alpha1", "ScaledObject", names.main, { spec: scaling.spec })]
      : []),
    ...(platform.apis.includes(podMonitorApi)
      ? [
          draft("monitoring.coreos.com/v1", "PodMonitor", names.main, {
            spec: podMonitor(spec, platform),
          }),
        ]
      : []),
  ];
  const warnings = [
    ...stable.warnings,
    ...(canary?.warnings ?? []),
    ...scaling.warnings,
    ...fieldWarnings(spec),
  ];
  return {
    objects: objects.map(toObject),
    prediction: stable.prediction,
    warnings: [...new Set(warnings)],
  };
}

function drafter({ spec, platform, version, managedBy }: ModelPlanInput): DraftOf {
  const component = "worker";
  return createDrafter(platform, { component, version, managedBy, model: spec.name });
}

export function profileOf(spec: ModelSpec, platform: Platform): Profile {
  const name = spec.profile ?? platform.defaultProfile;
  const profile = platform.profiles[name] ?? (name === "cpu" ? cpuProfile : undefined);
  if (profile !== undefined) return profile;
  const known = [...new Set(["cpu", ...Object.keys(platform.profiles)])].join(", ");
  throw new EngineError("invalid_config", `The platform has no profile "${name}".`, {
    field: spec.profile === undefined ? "defaultProfile" : "profile",
    remedy: `Name one of: ${known}.`,
  });
}

/** The workload and the Service of one track. */
function planTrack(
  input: ModelPlanInput,
  profile: Profile,
  track: Track,
  weights: { source: string; sha256?: string | undefined },
  shape: ModelShape | undefined,
) {
  const { platform } = input;
  const { source, sha256 } = weights;
  const spec = track === "stable" ? input.spec : { ...input.spec, source, sha256 };
  const prediction = shape && predict(withoutDigest(spec), profile, shape);
  const storage = planStorage(input.spec, platform, prediction);
  const config = renderWorkerConfig(input.spec, weights, profile, platform);
  const pod = { spec: input.spec, platform, profile, track, config, storage, prediction };
  const isStateful = storage.claimTemplates.length > 0;
  const names = modelNames(spec.name);
  const name = track === "stable" ? names.main : names.canary;
  const selector = workerSelector(input.spec, platform, track);
  const replicas = track === "stable" ? stableReplicas(input.spec) : canaryReplicas(input.spec);
  const workload = {
    replicas,
    selector: { matchLabels: selector },
    template: renderWorkerPod(pod),
  };
  const draft = drafter(input);
  const kind = isStateful ? ("StatefulSet" as const) : ("Deployment" as const);
  const spread = isStateful
    ? statefulParts(name, storage.claimTemplates)
    : deploymentParts(input.spec, profile, startupBudget(prediction));
  return {
    kind,
    config,
    prediction,
    warnings: [...storage.warnings, ...unknownShape(source, shape)],
    objects: [
      draft("v1", "Service", name, { spec: headlessService(selector) }),
      draft("apps/v1", kind, name, { spec: { ...workload, ...spread } }),
    ],
  };
}

function withoutDigest(
  spec: {
    [Key in keyof ModelSpec]: ModelSpec[Key] | (Key extends "sha256" ? undefined : never);
  },
): ModelSpec {
  const { sha256, ...rest } = spec;
  return sha256 === undefined ? rest : { ...rest, sha256 };
}

/** Gateways speak to pods, by their EndpointSlices: nobody needs an address of the Service itself. */
function headlessService(selector: Record<string, string>): Draft {
  return {
    type: "ClusterIP",
    clusterIP: "None",
    selector,
    ports: [{ name: "http", port: defaultPorts.main, targetPort: "http", protocol: "TCP" }],
  };
}

/** A GPU more than the model has is seldom free, so there a pod goes before its successor comes. */
function deploymentParts(spec: ModelSpec, profile: Profile, budgetSeconds: number) {
  const hasSurge = profile.gpus === 0;
  return {
    revisionHistoryLimit: 3,
    progressDeadlineSeconds: budgetSeconds + 600,
    strategy: {
      type: "RollingUpdate",
      rollingUpdate: {
        maxSurge: hasSurge ? 1 : 0,
        maxUnavailable: spec.maxUnavailable ?? (hasSurge ? 0 : 1),
      },
    },
  } satisfies { [field: string]: Draft };
}

function statefulParts(serviceName: string, claimTemplates: Draft[]) {
  return {
    serviceName,
    podManagementPolicy: "Parallel",
    revisionHistoryLimit: 3,
    updateStrategy: { type: "RollingUpdate" },
    // Weights can be fetched again; those of a replica that rests are kept for its return.
    persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete", whenScaled: "Retain" },
    volumeClaimTemplates: claimTemplates,
  } satisfies { [field: string]: Draft };
}

function disruptionBudget(spec: ModelSpec, platform: Platform): Draft {
  return {
    maxUnavailable: spec.maxUnavailable ?? 1,
    unhealthyPodEvictionPolicy: "AlwaysAllow",
    selector: { matchLabels: selectorLabels(platform, "worker", spec.name) },
  };
}

function podMonitor(spec: ModelSpec, platform: Platform): Draft {
  return {
    selector: { matchLabels: selectorLabels(platform, "worker", spec.name) },
    podMetricsEndpoints: [{ port: "http", path: paths.metrics }],
  };
}

function refuseEndpointCanary(spec: ModelSpec): void {
  if (spec.canary === undefined) return;
  if (weightsKind({ source: spec.canary.source }) !== "elsewhere") return;
  throw new EngineError("invalid_config", "A canary needs weights, and its source is a server.", {
    field: "canary.source",
    remedy: "Name weights, or declare the server as a model of its own.",
  });
}

function unknownShape(source: string, shape: ModelShape | undefined): string[] {
  if (shape !== undefined) return [];
  return [
    `The header of ${source} could not be read: memory, volume and start-up time are as declared, not foretold.`,
  ];
}

function fieldWarnings(spec: ModelSpec): string[] {
  const { scheme } = parseSource(spec.source);
  return [
    ...(spec.sourceSecret !== undefined && scheme !== "hf"
      ? ["`sourceSecret` has no effect: only `hf:` and `openai:` sources take a token."]
      : []),
    ...(scheme === "file" && spec.storage?.tier !== "image"
      ? ["The weights must be in the engine's image: `file:` is a path in the pod."]
      : []),
  ];
}

/** Fields that mean something for pods alone. */
const podFields = [
  "sha256",
  "kv",
  "adapters",
  "replicas",
  "scaling",
  "profile",
  "storage",
  "spread",
  "maxUnavailable",
  "priority",
  "canary",
  "vertical",
  "pod",
] as const satisfies (keyof ModelSpec)[];

/** A server of others: a route to it, and leave for gateways to reach it. */
function planEndpoint(input: ModelPlanInput): ModelPlan {
  const { spec, platform } = input;
  refuseOtherSecret(spec, platform);
  const names = modelNames(spec.name);
  const draft = drafter(input);
  const route = renderRoute({
    spec,
    service: undefined,
    canaryService: undefined,
    workload: undefined,
    startupBudgetSeconds: 0,
  });
  const objects = [
    draft("v1", "ConfigMap", names.main, { data: { [modelConfigKeys.route]: route } }),
    ...(platform.networkPolicies
      ? [
          draft("networking.k8s.io/v1", "NetworkPolicy", names.main, {
            spec: endpointPolicy(spec, platform),
          }),
        ]
      : []),
  ];
  return {
    objects: objects.map(toObject),
    prediction: undefined,
    warnings: podFields
      .filter(field => spec[field] !== undefined)
      .map(field => `\`${field}\` has no effect: the model runs on a server of others.`),
  };
}

/** Gateways read no Secrets through the API; they have one mounted. */
function refuseOtherSecret(spec: ModelSpec, platform: Platform): void {
  const { endpoints } = installationNames(platform.installation);
  if (spec.sourceSecret === undefined || spec.sourceSecret.name === endpoints) return;
  throw new EngineError(
    "invalid_config",
    `The key of "${spec.name}" is in the Secret ${spec.sourceSecret.name}, which gateways do not have.`,
    {
      field: "sourceSecret.name",
      remedy: `Put the key into the Secret ${endpoints} and name it there.`,
    },
  );
}
