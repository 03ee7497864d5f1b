/** A model on a server of others: a route to it, and leave for gateways to reach it; there are no pods. */
import { EngineError } from "../contract/errors.ts";
import { modelConfigKeys } from "../contract/kubernetes.ts";
import type { ModelSpec } from "../contract/model.ts";
import type { Platform } from "../contract/platform.ts";
import { renderRoute } from "./model-config.ts";
import { endpointPolicy } from "./model-network.ts";
import { modelDrafter } from "./model-workload.ts";
import { installationNames, modelNames } from "./names.ts";
import { toObject } from "./objects.ts";
import type { ModelPlan, ModelPlanInput } from "./plan.ts";

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
export function planEndpoint(input: ModelPlanInput): ModelPlan {
  const { spec, platform } = input;
  refuseOtherSecret(spec, platform);
  const names = modelNames(spec.name);
  const draft = modelDrafter(input);
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
