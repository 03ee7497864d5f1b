/** toConditions: from what is seen of a model to its phase and conditions, after kstatus; a pure function. */
import type { Condition, ConditionType, ModelPhase } from "../contract/model-status.ts";
import { toHeadline } from "./headline.ts";
import type { Observed, Problem } from "./observed.ts";
import { toParts } from "./sub-conditions.ts";
import { type Progress, toProgress, toView, type Verdict } from "./view.ts";

export interface Judgement {
  phase: ModelPhase;
  conditions: Verdict[];
  progress: Progress | undefined;
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
