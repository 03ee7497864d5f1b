/** The status of a Model as it is written, and whether it differs from the one that is there. */
import { type KubernetesObject, modelResource } from "../contract/kubernetes.ts";
import type { ModelFacts } from "../contract/model.ts";
import type { Condition, ModelPhase } from "../contract/model-status.ts";
import type { ModelShape, Prediction } from "../contract/platform.ts";
import type { WorkerModel } from "../contract/worker.ts";
import type { Judgement } from "./conditions.ts";
import { stableText } from "./projection.ts";

export interface ModelStatusFields {
  observedGeneration?: number;
  phase?: ModelPhase;
  conditions?: Condition[];
  replicas?: number;
  readyReplicas?: number;
  desiredReplicas?: number;
  selector?: string;
  endpoint?: string;
  warnings?: string[];
  progress?: Judgement["progress"];
  prediction?: Prediction;
  measurement?: Measurement;
  facts?: Record<string, string | number>;
}

export interface Measurement {
  memoryBytes?: number;
  loadMs?: number;
  contextTokens?: number;
}

export function statusOf(model: KubernetesObject): ModelStatusFields {
  return (model.status ?? {}) as ModelStatusFields;
}

/** The object to apply to the subresource; undefined when it says what is there already. */
export function toStatusPatch(
  model: KubernetesObject,
  status: ModelStatusFields,
): KubernetesObject | undefined {
  const wanted = JSON.parse(JSON.stringify(status)) as ModelStatusFields;
  if (stableText(wanted) === stableText(statusOf(model))) return undefined;
  const { name, namespace, uid } = model.metadata;
  return {
    apiVersion: modelResource.apiVersion,
    kind: modelResource.kind,
    // The uid keeps the status of a model from one that was made again under its name.
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
    },
    status: wanted as unknown as NonNullable<KubernetesObject["status"]>,
  };
}

/** What of the header belongs into a status; a chat template is long and the worker has it. */
export function toStatusFacts(
  facts: ModelFacts | undefined,
  shape: ModelShape | undefined,
  sha256: string | undefined,
): Record<string, string | number> | undefined {
  if (facts === undefined) return undefined;
  const { chatTemplate: _, license, name, ...rest } = facts;
  const text = (value: string) => value.slice(0, 256);
  return {
    ...rest,
    name: text(name),
    ...(license === undefined ? {} : { license: text(license) }),
    ...(shape === undefined ? {} : { bytes: shape.bytes }),
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}

export function toMeasurement(
  workers: Iterable<WorkerModel>,
  before: Measurement | undefined,
): Measurement | undefined {
  for (const { state, memoryBytes, loadMs, backend } of workers) {
    if (state !== "ready") continue;
    return {
      ...(memoryBytes === undefined ? {} : { memoryBytes: Math.round(memoryBytes) }),
      ...(loadMs === undefined ? {} : { loadMs: Math.round(loadMs) }),
      ...(backend === undefined ? {} : { contextTokens: backend.contextTokens }),
    };
  }
  return before;
}

export function wholeNumbers(prediction: Prediction | undefined): Prediction | undefined {
  if (prediction === undefined) return undefined;
  const entries = Object.entries(prediction).map(([key, value]) => [key, Math.ceil(value)]);
  return Object.fromEntries(entries) as Prediction;
}
