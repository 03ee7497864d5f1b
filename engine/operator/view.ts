/** View: what the rules of the conditions look at, and the one problem that explains the rest. */
import type { Condition, ConditionReason } from "../contract/model-status.ts";
import type { WorkerModel } from "../contract/worker.ts";
import type { Observed, Problem } from "./observed.ts";
import { type PodSeen, toPodSeen } from "./pod-problems.ts";

export type Verdict = Omit<Condition, "lastTransitionTime" | "observedGeneration">;

export interface Progress {
  completedBytes: number;
  totalBytes?: number;
  text: string;
}

/** The worst first: what is at its root explains the rest. */
const severity: readonly ConditionReason[] = [
  "NodeLost",
  "ImageUnavailable",
  "SecretMissing",
  "DigestMismatch",
  "InvalidModelFile",
  "SourceRefused",
  "OutOfMemory",
  "CrashLoop",
  "QuotaExceeded",
  "VolumePending",
  "Unschedulable",
  "SourceUnreachable",
  "Evicted",
];

/** All that the rules below look at. */
export interface View {
  seen: Observed;
  pods: PodSeen[];
  desired: number;
  ready: number;
  /** Pods of the newest version. */
  updated: number;
  problem: Problem | undefined;
  worker: WorkerModel | undefined;
}

export function toView(seen: Observed): View {
  const pods = seen.pods.filter(pod => pod.metadata.deletionTimestamp === undefined).map(toPodSeen);
  const workload = seen.workload;
  const workers = [...seen.workers.values()];
  // The one that is least far explains what is waited for.
  const worker = workers.find(({ state }) => state !== "ready") ?? workers[0];
  return {
    seen,
    pods,
    desired: workload?.replicas ?? Math.max(1, seen.range.min),
    ready: workload?.ready ?? 0,
    updated: workload?.updated ?? 0,
    worker,
    problem: toProblem(seen, pods, workers),
  };
}

function toProblem(seen: Observed, pods: PodSeen[], workers: WorkerModel[]): Problem | undefined {
  const all = [
    ...pods.filter(pod => !pod.isReady).flatMap(({ problem }) => problem ?? []),
    ...workers.flatMap(({ error }) => (error === undefined ? [] : [toWorkerProblem(error)])),
    ...toQuota(seen),
    ...toClaims(seen, pods),
    ...(seen.waitsFor === undefined ? [] : [seen.waitsFor]),
  ];
  const rank = ({ reason }: Problem) =>
    (severity.indexOf(reason) + severity.length) % severity.length;
  return all.sort((a, b) => rank(a) - rank(b))[0];
}

function toWorkerProblem(error: NonNullable<WorkerModel["error"]>): Problem {
  const message = `${error.message} ${error.remedy}`;
  switch (error.code) {
    case "invalid_model_file":
      return {
        reason: /sha-?256|digest/i.test(error.message) ? "DigestMismatch" : "InvalidModelFile",
        message,
      };
    case "source_unreachable":
      return { reason: "SourceUnreachable", message };
    case "forbidden":
    case "unauthorized":
      return { reason: "SourceRefused", message };
    case "does_not_fit":
      return { reason: "OutOfMemory", message };
    default:
      return { reason: "CrashLoop", message };
  }
}

/** A workload that may not make its pods: they do not exist, so nothing else says so. */
function toQuota({ workload }: Observed): Problem[] {
  const failure = workload?.conditions.find(
    ({ type, status }) => type === "ReplicaFailure" && status === "True",
  );
  if (failure === undefined) return [];
  const isQuota = /exceeded quota/.test(failure.message ?? "");
  const message = `Pods cannot be created: ${failure.message ?? failure.reason ?? "no reason given"}.`;
  return [{ reason: isQuota ? "QuotaExceeded" : "ApplyFailed", message }];
}

function toClaims({ claims }: Observed, pods: PodSeen[]): Problem[] {
  const pending = claims.find(({ phase }) => phase !== "Bound");
  if (pending === undefined || pods.every(pod => pod.isScheduled)) return [];
  return [
    { reason: "VolumePending", message: `The volume claim ${pending.name} is ${pending.phase}.` },
  ];
}

export function toProgress({ seen }: View): Progress | undefined {
  const fetching = [...seen.workers.values()].filter(
    ({ state, progress }) => state === "fetching" && progress !== undefined,
  );
  const furthest = fetching.sort(
    (a, b) => (b.progress?.completedBytes ?? 0) - (a.progress?.completedBytes ?? 0),
  )[0]?.progress;
  if (furthest === undefined) return undefined;
  const { completedBytes, totalBytes } = furthest;
  if (!totalBytes) return { completedBytes, text: `${Math.round(completedBytes / 1e6)} MB` };
  const percent = Math.floor((completedBytes / totalBytes) * 100);
  return { completedBytes, totalBytes, text: `${percent} %` };
}

export function count(replicas: number): string {
  return replicas === 1 ? "1 replica" : `${replicas} replicas`;
}
