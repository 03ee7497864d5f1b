/** planModel: from what is wanted of one model to all of its objects, and what is foretold of it. */
import { paths } from "../contract/endpoints.ts";
import { EngineError } from "../contract/errors.ts";
import { modelConfigKeys } from "../contract/kubernetes.ts";
import type { ModelSpec } from "../contract/model.ts";
import type { Platform } from "../contract/platform.ts";
import { parseSource } from "../contract/source.ts";
import { renderRoute } from "./model-config.ts";
import { planEndpoint } from "./model-endpoint.ts";
import { workerPolicy } from "./model-network.ts";
import { type PlannedScaling, planScaling } from "./model-scaling.ts";
import { modelDrafter, type PlannedTrack, planTrack, profileOf } from "./model-workload.ts";
import { modelNames, selectorLabels } from "./names.ts";
import { type Draft, type DraftOf, type ObjectDraft, present, toObject } from "./objects.ts";
import type { ModelPlan, ModelPlanInput } from "./plan.ts";
import { weightsKind } from "./weights.ts";
import { startupBudget } from "./worker-pod.ts";

export const podMonitorApi = "monitoring.coreos.com/v1/PodMonitor";

/** @throws EngineError does_not_fit or invalid_config, before anything is created */
export function planModel(input: ModelPlanInput): ModelPlan {
  return weightsKind(input.spec) === "elsewhere" ? planEndpoint(input) : planWorkers(input);
}

function planWorkers(input: ModelPlanInput): ModelPlan {
  const { spec, platform } = input;
  refuseEndpointCanary(spec);
  refuseAdapters(spec);
  refuseVertical(spec);
  const profile = profileOf(spec, platform);
  const { source, sha256, canary } = spec;
  const stable = planTrack(input, profile, { track: "stable", source, sha256, shape: input.shape });
  const tried =
    canary && planTrack(input, profile, { ...canary, track: "canary", shape: input.canaryShape });
  const target = { kind: stable.kind, name: modelNames(spec.name).main };
  const scaling = planScaling(spec, platform, target);
  const objects = [
    ...surroundings(input, stable, tried),
    ...stable.objects,
    ...(tried?.objects ?? []),
    ...followers(spec, platform, scaling, modelDrafter(input)),
  ];
  const warnings = [
    ...stable.warnings,
    ...(tried?.warnings ?? []),
    ...scaling.warnings,
    ...fieldWarnings(spec),
  ];
  return {
    objects: objects.map(toObject),
    prediction: stable.prediction,
    warnings: [...new Set(warnings)],
  };
}

/** What must be there before the first pod is. */
function surroundings(
  input: ModelPlanInput,
  stable: PlannedTrack,
  canary: PlannedTrack | undefined,
): ObjectDraft[] {
  const { spec, platform } = input;
  const names = modelNames(spec.name);
  const draft = modelDrafter(input);
  const route = renderRoute({
    spec,
    service: names.main,
    canaryService: canary && names.canary,
    workload: { kind: stable.kind, name: names.main },
    startupBudgetSeconds: startupBudget(stable.prediction),
  });
  return present(
    draft("v1", "ServiceAccount", names.main, { automountServiceAccountToken: false }),
    draft("v1", "ConfigMap", names.main, {
      data: {
        [modelConfigKeys.route]: route,
        [modelConfigKeys.engine]: stable.config,
        [modelConfigKeys.canary]: canary?.config,
      },
    }),
    platform.networkPolicies &&
      draft("networking.k8s.io/v1", "NetworkPolicy", names.main, {
        spec: workerPolicy(spec, platform),
      }),
    draft("policy/v1", "PodDisruptionBudget", names.main, {
      spec: disruptionBudget(spec, platform),
    }),
  );
}

/** Who watches the pods, where the cluster has such. */
function followers(
  spec: ModelSpec,
  platform: Platform,
  scaling: PlannedScaling,
  draft: DraftOf,
): ObjectDraft[] {
  const { main } = modelNames(spec.name);
  return present(
    scaling.kind === "hpa" &&
      draft("autoscaling/v2", "HorizontalPodAutoscaler", main, { spec: scaling.spec }),
    scaling.kind === "keda" &&
      draft("keda.sh/v1alpha1", "ScaledObject", main, { spec: scaling.spec }),
    platform.apis.includes(podMonitorApi) &&
      draft("monitoring.coreos.com/v1", "PodMonitor", main, { spec: podMonitor(spec, platform) }),
  );
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

/** Better no pod than one that never gets ready: the engine's own answer would come too late. */
function refuseAdapters({ name, adapters = [] }: ModelSpec): void {
  if (adapters.length === 0) return;
  throw new EngineError("unsupported", `"${name}": the engine cannot apply LoRA adapters yet.`, {
    field: "adapters",
    remedy: "Name weights that have them merged already.",
  });
}

/** Bounds that nobody resizes within would only look like a promise. */
function refuseVertical({ name, vertical }: ModelSpec): void {
  if (vertical === undefined) return;
  throw new EngineError("invalid_config", `"${name}": nobody resizes pods in place yet.`, {
    field: "vertical",
    remedy: "Set `cpu` and `cpuLimit` in its profile, or let `scaling` change its replicas.",
  });
}

function refuseEndpointCanary(spec: ModelSpec): void {
  if (spec.canary === undefined) return;
  if (weightsKind({ source: spec.canary.source }) !== "elsewhere") return;
  throw new EngineError("invalid_config", "A canary needs weights, and its source is a server.", {
    field: "canary.source",
    remedy: "Name weights, or declare the server as a model of its own.",
  });
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
