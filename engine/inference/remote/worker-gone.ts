/** A worker that is gone: how far it came, which decides what it may cost to ask another one. */
import { EngineError } from "../../contract/errors.ts";

/** `unreached`: nothing of the request was answered · `begun`: it went away in the middle of its answer. */
export type Gone = "unreached" | "begun";

class GoneCause extends Error {
  override readonly name = "GoneCause";
  readonly gone: Gone;

  constructor(gone: Gone, cause: unknown) {
    super(`the worker is gone (${gone})`, { cause });
    this.gone = gone;
  }
}

export function workerGone(gone: Gone, sentence: string, cause?: unknown): EngineError {
  return new EngineError("model_crashed", sentence, { cause: new GoneCause(gone, cause) });
}

/** Undefined for every other error. */
export function readGone(error: unknown): Gone | undefined {
  return error instanceof EngineError && error.cause instanceof GoneCause
    ? error.cause.gone
    : undefined;
}
