/** What the operator sees of one model: the input of its conditions. */
import type { KubernetesObject } from "../contract/kubernetes.ts";
import type { ConditionReason } from "../contract/model-status.ts";
import type { WorkerModel } from "../contract/worker.ts";

export interface Problem {
  reason: ConditionReason;
  /** A sentence, with what to do. */
  message: string;
}

/** Fields of Deployment and StatefulSet that conditions follow from. */
export interface WorkloadSeen {
  generation: number;
  observedGeneration: number;
  /** Wanted. */
  replicas: number;
  /** That there are, of any version. */
  current: number;
  updated: number;
  ready: number;
  conditions: { type: string; status: string; reason?: string; message?: string }[];
}

export interface Observed {
  generation: number;
  isDeleting: boolean;
  /** Why there is no plan, or none that may be applied. */
  problem: Problem | undefined;
  /** Why objects could not be written; it is tried again. */
  applyProblem: Problem | undefined;
  /** What is missing and may come: a source that does not answer, a Secret. */
  waitsFor: Problem | undefined;
  /** False for a server of others. */
  hasWorkers: boolean;
  /** Whether pods fetch their weights; there is no download to speak of otherwise. */
  fetches: boolean;
  range: { min: number; max: number };
  workload: WorkloadSeen | undefined;
  /** Of both tracks, as the API has them. */
  pods: readonly KubernetesObject[];
  claims: readonly { name: string; phase: string }[];
  /** By pod, what its engine says of the model. */
  workers: ReadonlyMap<string, WorkerModel>;
  /** Whether a gateway serves; undefined while it is not known. */
  hasGateway: boolean | undefined;
}

export function toWorkloadSeen(object: KubernetesObject): WorkloadSeen {
  const spec = (object.spec ?? {}) as { replicas?: number };
  const status = (object.status ?? {}) as {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    readyReplicas?: number;
    conditions?: WorkloadSeen["conditions"];
  };
  return {
    generation: object.metadata.generation ?? 0,
    observedGeneration: status.observedGeneration ?? 0,
    replicas: spec.replicas ?? 1,
    current: status.replicas ?? 0,
    updated: status.updatedReplicas ?? 0,
    ready: status.readyReplicas ?? 0,
    conditions: status.conditions ?? [],
  };
}
