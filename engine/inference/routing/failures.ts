/** What a failed attempt means: whether another worker may do better, and whether this one should be left alone. */
import { EngineError, type ErrorCode } from "../../contract/errors.ts";

export interface Verdict {
  error: EngineError;
  /** Another worker may answer. */
  isWorkers: boolean;
  /** Nothing more is sent there until it gives a sign of life. */
  ejects: boolean;
}

/** Failures of the worker and not of the request. */
const workersOwn: readonly ErrorCode[] = [
  "model_crashed",
  "model_not_ready",
  "model_not_found",
  "stopping",
  "source_unreachable",
  "unauthorized",
  "forbidden",
  "internal",
  "overloaded",
];

/** A busy worker is no dead one, and one that failed once inside may not fail again. */
const harmless: readonly ErrorCode[] = ["overloaded", "internal"];

export function judgeFailure(thrown: unknown): Verdict {
  if (!(thrown instanceof EngineError)) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    const error = new EngineError("model_crashed", `A worker failed: ${why}.`, { cause: thrown });
    return { error, isWorkers: true, ejects: true };
  }
  const isWorkers = workersOwn.includes(thrown.code);
  return { error: thrown, isWorkers, ejects: isWorkers && !harmless.includes(thrown.code) };
}
