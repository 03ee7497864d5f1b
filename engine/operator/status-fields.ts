/** What of a status follows from the plan, the workload and the workers; phase and conditions come besides. */
import { defaultPorts } from "../contract/endpoints.ts";
import type { Platform } from "../contract/platform.ts";
import type { WorkerModel } from "../contract/worker.ts";
import { installationNames } from "../manifests/names.ts";
import type { PlannedModel } from "./model-plan.ts";
import {
  type ModelStatusFields,
  toMeasurement,
  toStatusFacts,
  wholeNumbers,
} from "./model-status.ts";
import type { Observed } from "./observed.ts";
import type { ReplicasStep } from "./replicas.ts";

export function toStatusFields(
  { planned, replicas }: { planned: PlannedModel | undefined; replicas: ReplicasStep },
  seen: Observed,
  workers: ReadonlyMap<string, WorkerModel>,
  before: ModelStatusFields,
  { installation, namespace }: Platform,
): ModelStatusFields {
  const { workload } = seen;
  const { service } = installationNames(installation);
  const desired = replicas.handed ?? before.desiredReplicas;
  // What was foretold stays while a later specification is refused.
  const prediction =
    planned === undefined ? before.prediction : wholeNumbers(planned.plan.prediction);
  const reading = planned?.reading;
  const facts =
    planned === undefined
      ? before.facts
      : toStatusFacts(reading?.facts, reading?.shape, reading?.sha256);
  const measurement = toMeasurement(workers.values(), before.measurement);
  const warnings = planned?.plan.warnings.slice(0, 32) ?? [];
  const selector = before.selector;
  return {
    replicas: workload?.current ?? 0,
    readyReplicas: workload?.ready ?? 0,
    endpoint: `http://${service}.${namespace}.svc:${defaultPorts.main}`,
    ...(desired === undefined ? {} : { desiredReplicas: desired }),
    ...(selector === undefined ? {} : { selector }),
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(prediction === undefined ? {} : { prediction }),
    ...(facts === undefined ? {} : { facts }),
    ...(measurement === undefined ? {} : { measurement }),
    ...toSelector(planned),
  };
}

/** Of the stable workers alone: an autoscaler counts by it. */
function toSelector(planned: PlannedModel | undefined): { selector?: string } {
  const workload = planned?.objects.find(
    ({ kind }) => kind === "Deployment" || kind === "StatefulSet",
  );
  const { selector } = (workload?.spec ?? {}) as {
    selector?: { matchLabels?: Record<string, string> };
  };
  if (selector?.matchLabels === undefined) return {};
  const pairs = Object.entries(selector.matchLabels).map(([key, value]) => `${key}=${value}`);
  return { selector: pairs.sort().join(",") };
}
