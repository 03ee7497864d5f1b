/** The pods of one track of a model: its Deployment or StatefulSet, and the Service that finds them. */
import { defaultPorts } from "../contract/endpoints.ts";
import { EngineError } from "../contract/errors.ts";
import type { ModelSpec } from "../contract/model.ts";
import {
  cpuProfile,
  type ModelShape,
  type Platform,
  type Prediction,
  type Profile,
} from "../contract/platform.ts";
import { renderWorkerConfig } from "./model-config.ts";
import { canaryReplicas, stableReplicas } from "./model-scaling.ts";
import { planStorage } from "./model-storage.ts";
import { modelNames } from "./names.ts";
import { createDrafter, type Draft, type DraftOf, type ObjectDraft } from "./objects.ts";
import type { ModelPlanInput } from "./plan.ts";
import { predict } from "./sizing.ts";
import { renderWorkerPod, startupBudget, type Track, workerSelector } from "./worker-pod.ts";

export function modelDrafter({ spec, platform, version, managedBy }: ModelPlanInput): DraftOf {
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

export interface TrackWeights {
  track: Track;
  source: string;
  sha256?: string | undefined;
  shape: ModelShape | undefined;
}

export interface PlannedTrack {
  kind: "Deployment" | "StatefulSet";
  /** What its workers read at their start. */
  config: string;
  prediction: Prediction | undefined;
  objects: ObjectDraft[];
  warnings: string[];
}

/** The workload and the Service of one track. */
export function planTrack(
  input: ModelPlanInput,
  profile: Profile,
  weights: TrackWeights,
): PlannedTrack {
  const { spec, platform } = input;
  const { track, shape } = weights;
  const prediction = shape && predict({ ...spec, source: weights.source }, profile, shape);
  const storage = planStorage(spec, platform, prediction);
  const config = renderWorkerConfig(spec, weights, profile, platform);
  const template = renderWorkerPod({ spec, platform, profile, track, config, storage, prediction });
  const names = modelNames(spec.name);
  const name = track === "stable" ? names.main : names.canary;
  const selector = workerSelector(spec, platform, track);
  const kind = storage.claimTemplates.length > 0 ? "StatefulSet" : "Deployment";
  const workload = {
    replicas: track === "stable" ? stableReplicas(spec) : canaryReplicas(spec),
    selector: { matchLabels: selector },
    template,
    ...(kind === "StatefulSet"
      ? statefulParts(name, storage.claimTemplates)
      : deploymentParts(spec, profile, startupBudget(prediction))),
  };
  const draft = modelDrafter(input);
  return {
    kind,
    config,
    prediction,
    warnings: [...storage.warnings, ...unknownShape(weights.source, shape)],
    objects: [
      draft("v1", "Service", name, { spec: headlessService(selector) }),
      draft("apps/v1", kind, name, { spec: workload }),
    ],
  };
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

function unknownShape(source: string, shape: ModelShape | undefined): string[] {
  if (shape !== undefined) return [];
  return [
    `The header of ${source} could not be read: memory, volume and start-up time are as declared, not foretold.`,
  ];
}
