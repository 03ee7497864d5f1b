/** toConditions: from what is seen of a model to its phase and conditions, after kstatus; a pure function. */
import type {
  Condition,
  ConditionReason,
  ConditionType,
  ModelPhase,
} from "../contract/model-status.ts";
import type { WorkerModel } from "../contract/worker.ts";
import type { Observed, Problem } from "./observed.ts";
import { type PodSeen, toPodSeen } from "./pod-problems.ts";

export type Verdict = Omit<Condition, "lastTransitionTime" | "observedGeneration">;

export interface Judgement {
  phase: ModelPhase;
  conditions: Verdict[];
  progress: { completedBytes: number; totalBytes?: number; text: string } | undefined;
}

/** Problems that somebody has to end; the others may end by themselves. */
const lasting = new Set<ConditionReason>([
  "CrashLoop",
  "OutOfMemory",
  "ImageUnavailable",
  "DigestMismatch",
  "InvalidModelFile",
  "SourceRefused",
]);

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
interface View {
  seen: Observed;
  pods: PodSeen[];
  desired: number;
  ready: number;
  /** Pods of the newest version. */
  updated: number;
  problem: Problem | undefined;
  worker: WorkerModel | undefined;
}

export function toConditions(seen: Observed): Judgement {
  const view = toView(seen);
  const headline = toHeadline(view);
  const progress = toProgress(view);
  const { phase, ready, reconciling, stalled } = headline;
  return {
    phase,
    progress,
    conditions: [
      { type: "Ready", ...ready },
      ...present("Reconciling", reconciling),
      ...present("Stalled", stalled),
      ...(seen.isDeleting ? [] : toParts(view, progress)),
    ],
  };
}

/** Abnormal-true: it is there only while it holds. */
function present(type: ConditionType, problem: Problem | undefined): Verdict[] {
  return problem === undefined ? [] : [{ type, status: "True", ...problem }];
}

function toView(seen: Observed): View {
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

interface Headline {
  phase: ModelPhase;
  ready: Omit<Verdict, "type">;
  reconciling?: Problem;
  stalled?: Problem;
}

function toHeadline(view: View): Headline {
  const { seen, problem } = view;
  if (seen.isDeleting) return toTerminating();
  if (seen.problem !== undefined) return toStalled(view, seen.problem);
  if (seen.applyProblem !== undefined) return toRetrying(view, seen.applyProblem);
  if (!seen.hasWorkers) return toEndpoint(seen);
  const workload = seen.workload;
  if (workload === undefined || workload.observedGeneration < workload.generation)
    return toProgressing(view, {
      reason: "Progressing",
      message: "The pods' workload is being written.",
    });
  if (view.desired === 0) return toIdle(view);
  const isServing = view.ready > 0;
  if (!isServing && problem !== undefined)
    return lasting.has(problem.reason) ? toStalled(view, problem) : toProgressing(view, problem);
  if (!isServing && isOverdue(view)) return toStalled(view, overdue);
  if (!isServing) return toProgressing(view, toStep(view));
  return toServing(view, problem);
}

function toTerminating(): Headline {
  const problem: Problem = {
    reason: "Terminating",
    message: "The model and all of its objects are being removed.",
  };
  return { phase: "Terminating", ready: { status: "False", ...problem }, reconciling: problem };
}

function toStalled(view: View, problem: Problem): Headline {
  const message =
    view.ready > 0
      ? `${problem.message} ${count(view.ready)} as before still serve.`
      : problem.message;
  return {
    phase: "Failed",
    ready: { status: "False", reason: problem.reason, message },
    stalled: { reason: problem.reason, message },
  };
}

/** Tried again by itself. */
function toRetrying(view: View, problem: Problem): Headline {
  return {
    phase: view.ready > 0 ? "RollingOut" : "Pending",
    ready: { status: view.ready > 0 ? "True" : "False", ...problem },
    reconciling: problem,
  };
}

function toEndpoint({ hasGateway }: Observed): Headline {
  if (hasGateway === false) {
    const problem: Problem = { reason: "NoGateway", message: "No gateway serves yet." };
    return { phase: "Pending", ready: { status: "False", ...problem }, reconciling: problem };
  }
  const message = "Requests go to the server that the source names.";
  return { phase: "Ready", ready: { status: "True", reason: "Serving", message } };
}

function toIdle({ seen }: View): Headline {
  const message =
    seen.range.min === 0
      ? "No replica, because nobody asks; the next request starts one."
      : "No replica is wanted.";
  return { phase: "Idle", ready: { status: "True", reason: "Idle", message } };
}

function toProgressing(view: View, problem: Problem): Headline {
  return {
    phase: toStartPhase(view),
    ready: { status: "False", ...problem },
    reconciling: problem,
  };
}

const overdue: Problem = {
  reason: "CrashLoop",
  message: "The pods did not become ready in the time that was foretold for them. Read their logs.",
};

function isOverdue({ seen }: View): boolean {
  return (seen.workload?.conditions ?? []).some(
    ({ type, status, reason }) =>
      type === "Progressing" && status === "False" && reason === "ProgressDeadlineExceeded",
  );
}

function toStartPhase({ pods, worker }: View): ModelPhase {
  if (worker?.state === "fetching") return "Downloading";
  if (worker?.state === "loading") return "Loading";
  return pods.some(pod => pod.isScheduled) ? "Starting" : "Pending";
}

/** What is being done right now, where nothing is wrong. */
function toStep(view: View): Problem {
  const { pods, worker } = view;
  if (worker?.state === "fetching")
    return { reason: "Downloading", message: `The weights are being fetched${toShare(view)}.` };
  if (worker?.state === "loading")
    return { reason: "Loading", message: "The weights are being loaded into memory." };
  if (pods.length === 0) return { reason: "Progressing", message: "The pods are being created." };
  if (!pods.some(pod => pod.isScheduled))
    return { reason: "Progressing", message: "The pods wait for a node." };
  const running = pods.some(pod => pod.isRunning);
  return {
    reason: "Progressing",
    message: running ? "The engine is starting." : "The pods' containers are being created.",
  };
}

function toShare(view: View): string {
  const progress = toProgress(view);
  return progress === undefined ? "" : `: ${progress.text}`;
}

function toServing(view: View, problem: Problem | undefined): Headline {
  const { desired, ready, updated, seen } = view;
  const current = seen.workload?.current ?? 0;
  if (updated < desired || current > updated) {
    const message = `${updated} of ${count(desired)} have the new version.`;
    return ongoing("RollingOut", "RollingOut", problem?.message ?? message, problem);
  }
  if (ready !== desired) {
    const message = `${ready} of ${count(desired)} serve.`;
    return ongoing("Scaling", "Scaling", problem?.message ?? message, problem);
  }
  const message =
    seen.waitsFor === undefined
      ? `${count(ready)} serve.`
      : `${count(ready)} serve. ${seen.waitsFor.message}`;
  return { phase: "Ready", ready: { status: "True", reason: "Serving", message } };
}

/** It serves, and something is under way. */
function ongoing(
  phase: ModelPhase,
  reason: ConditionReason,
  message: string,
  problem: Problem | undefined,
): Headline {
  return {
    phase,
    ready: { status: "True", reason, message },
    reconciling: { reason: problem?.reason ?? reason, message },
  };
}

function count(replicas: number): string {
  return replicas === 1 ? "1 replica" : `${replicas} replicas`;
}

/** The sub-conditions; those of what a model does not have are absent. */
function toParts(view: View, progress: Judgement["progress"]): Verdict[] {
  const { seen } = view;
  const isRouted = seen.hasGateway;
  const routed: Verdict[] =
    isRouted === undefined
      ? []
      : [
          isRouted
            ? { type: "Routed", status: "True", reason: "Routed", message: "Gateways route to it." }
            : {
                type: "Routed",
                status: "False",
                reason: "NoGateway",
                message: "No gateway serves.",
              },
        ];
  if (!seen.hasWorkers || view.desired === 0 || seen.workload === undefined) return routed;
  return [
    ...(seen.fetches ? [toDownloaded(view, progress)] : []),
    toScheduled(view),
    toLoaded(view),
    ...routed,
  ];
}

function toDownloaded(view: View, progress: Judgement["progress"]): Verdict {
  const type = "Downloaded";
  const { worker, ready, problem } = view;
  const failed =
    problem &&
    ["SourceUnreachable", "SourceRefused", "DigestMismatch", "InvalidModelFile"].includes(
      problem.reason,
    );
  if (failed && ready === 0) return { type, status: "False", ...problem };
  if (ready > 0 || ["loading", "ready", "unloaded"].includes(worker?.state ?? ""))
    return { type, status: "True", reason: "Downloaded", message: "The weights are there." };
  if (worker?.state === "fetching")
    return {
      type,
      status: "False",
      reason: "Downloading",
      message: progress?.text ?? "The weights are being fetched.",
    };
  return {
    type,
    status: "Unknown",
    reason: "Progressing",
    message: "No engine has said anything yet.",
  };
}

function toScheduled({ pods, desired, problem }: View): Verdict {
  const type = "Scheduled";
  const scheduled = pods.filter(pod => pod.isScheduled).length;
  if (scheduled >= desired)
    return {
      type,
      status: "True",
      reason: "Scheduled",
      message: `${count(scheduled)} have a node.`,
    };
  if (problem && ["Unschedulable", "VolumePending", "QuotaExceeded"].includes(problem.reason))
    return { type, status: "False", ...problem };
  const message = `${scheduled} of ${count(desired)} have a node.`;
  return { type, status: "False", reason: "Progressing", message };
}

function toLoaded({ ready, worker, problem }: View): Verdict {
  const type = "Loaded";
  if (ready > 0 || worker?.state === "ready")
    return { type, status: "True", reason: "Loaded", message: "The weights are in memory." };
  if (worker?.state === "loading")
    return { type, status: "False", reason: "Loading", message: "The weights are being loaded." };
  if (problem !== undefined) return { type, status: "False", ...problem };
  return { type, status: "False", reason: "Progressing", message: "The engine is not so far yet." };
}

function toProgress({ seen }: View): Judgement["progress"] {
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

/** With the times of those that did not change. */
export function toStampedConditions(
  verdicts: readonly Verdict[],
  before: readonly Condition[],
  generation: number,
  nowMs: number,
): Condition[] {
  const now = `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
  return verdicts.map(verdict => {
    const known = before.find(({ type }) => type === verdict.type);
    const same = known?.status === verdict.status ? known.lastTransitionTime : undefined;
    const message = verdict.message.slice(0, 2_000);
    return {
      ...verdict,
      message,
      lastTransitionTime: same ?? now,
      observedGeneration: generation,
    };
  });
}
