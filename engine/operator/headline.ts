/** Headline: phase, Ready, Reconciling and Stalled of a model. */
import type { ConditionReason, ModelPhase } from "../contract/model-status.ts";
import type { Observed, Problem } from "./observed.ts";
import { count, toProgress, type Verdict, type View } from "./view.ts";

/** Problems that somebody has to end; the others may end by themselves. */
const lasting = new Set<ConditionReason>([
  "CrashLoop",
  "OutOfMemory",
  "ImageUnavailable",
  "DigestMismatch",
  "InvalidModelFile",
  "SourceRefused",
]);

export interface Headline {
  phase: ModelPhase;
  ready: Omit<Verdict, "type">;
  reconciling?: Problem;
  stalled?: Problem;
}

export function toHeadline(view: View): Headline {
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
