/** From Model resources, or from a route and its workload, to what every place tells of a model; pure. */
import type { RouteConfig } from "../../contract/config.ts";
import type { KubernetesObject } from "../../contract/kubernetes.ts";
import type { Condition } from "../../contract/model-status.ts";
import { renderBytes } from "../output.ts";
import type { ModelDetail, PlacedModel } from "../place.ts";

/** Annotation of a Model in which `deploy` keeps the spec that it replaces, for `rollout undo`. */
export const previousSpec = "echorator.dev/previous-spec";

interface ResourceStatus {
  phase?: string;
  conditions?: Condition[];
  replicas?: number;
  readyReplicas?: number;
  progress?: { completedBytes: number; totalBytes?: number };
  prediction?: { contextTokens?: number; memoryBytes?: number };
  measurement?: { memoryBytes?: number };
  observedGeneration?: number;
}

export function fromResource(object: KubernetesObject): PlacedModel {
  const { name, creationTimestamp, generation } = object.metadata;
  const spec = object.spec as unknown as {
    source: string;
    replicas?: { min?: number; max?: number; current?: number };
  };
  const status = (object.status ?? {}) as unknown as ResourceStatus;
  const condition = (type: string) => status.conditions?.find(one => one.type === type);
  const isCurrent = status.observedGeneration === generation;
  const ready = condition("Ready");
  const stalled = condition("Stalled");
  const isReady = isCurrent && ready?.status === "True";
  const isStalled = isCurrent && stalled?.status === "True";
  const told = isStalled ? stalled?.message : isReady ? undefined : ready?.message;
  const { progress, prediction, measurement } = status;
  return {
    name,
    source: spec.source,
    phase: isCurrent ? (status.phase ?? "Pending") : "Pending",
    replicas: {
      ready: status.readyReplicas ?? 0,
      // A roll has one more for a while, which nobody wants to keep.
      wanted: Math.min(
        status.replicas ?? spec.replicas?.current ?? spec.replicas?.min ?? 1,
        spec.replicas?.max ?? 1,
      ),
    },
    message: told === "" ? undefined : told,
    progress:
      progress === undefined
        ? undefined
        : { completedBytes: progress.completedBytes, totalBytes: progress.totalBytes },
    contextTokens: prediction?.contextTokens,
    memoryBytes: measurement?.memoryBytes ?? prediction?.memoryBytes,
    createdMs: creationTimestamp === undefined ? undefined : Date.parse(creationTimestamp),
    isReady,
    isStalled,
  };
}

interface WorkloadShape {
  spec?: { replicas?: number };
  status?: { readyReplicas?: number };
}

/** A model that a stack or rendered manifests declare; an endpoint of others has no workload. */
export function fromRoute(route: RouteConfig, workload: KubernetesObject | undefined): PlacedModel {
  const { spec: wantedSpec, status } = (workload ?? {}) as unknown as WorkloadShape;
  const wanted = wantedSpec?.replicas ?? (route.workload === undefined ? 0 : 1);
  const ready = status?.readyReplicas ?? 0;
  const isServedElsewhere = route.workload === undefined;
  const phase = isServedElsewhere
    ? "External"
    : wanted === 0
      ? "Idle"
      : ready > 0
        ? "Ready"
        : "Starting";
  const created = workload?.metadata.creationTimestamp;
  return {
    name: route.spec.name,
    source: route.spec.source,
    phase,
    replicas: { ready, wanted },
    message: undefined,
    progress: undefined,
    contextTokens: route.spec.context,
    memoryBytes: undefined,
    createdMs: created === undefined ? undefined : Date.parse(created),
    isReady: phase !== "Starting",
    isStalled: false,
  };
}

interface DescribedStatus {
  conditions?: Condition[];
  prediction?: Record<string, unknown>;
  measurement?: Record<string, unknown>;
  facts?: Record<string, unknown>;
}

/** What `describe` tells of a Model resource. */
export function toSections(object: KubernetesObject): ModelDetail["sections"] {
  const status = (object.status ?? {}) as unknown as DescribedStatus;
  const rows = (values: Record<string, unknown> | undefined): [string, string][] =>
    Object.entries(values ?? {})
      .filter(([, value]) => typeof value !== "object")
      .map(([name, value]) => [name, renderValue(name, value)]);
  const all = status.conditions ?? [];
  const width = Math.max(0, ...all.map(({ reason }) => reason.length));
  const conditions = all.map(({ type, status: is, reason, message }): [string, string] => [
    type,
    `${is.padEnd(7)}  ${reason.padEnd(width)}  ${message}`,
  ]);
  return [
    { title: "Conditions", rows: conditions },
    { title: "Foretold", rows: rows(status.prediction) },
    { title: "Measured", rows: rows(status.measurement) },
    { title: "Weights", rows: rows(status.facts) },
  ].filter(section => section.rows.length > 0);
}

function renderValue(name: string, value: unknown): string {
  const isSize = typeof value === "number" && /bytes$/i.test(name);
  return isSize ? renderBytes(value) : String(value).slice(0, 120);
}
