/** Follows a model while work on it goes on. */
import { EngineError } from "../../contract/errors.ts";
import type { ModelStatus } from "../../contract/model.ts";
import type { Job, ServedModel } from "./served-model.ts";

/**
 * The model's status now and at each change until `job` is over; a reader who is slow gets the newest of each state.
 * @throws EngineError of the job, `cancelled` when `signal` aborts (the work goes on)
 */
export async function* watch(
  model: ServedModel,
  job: Job | undefined,
  signal: AbortSignal,
): AsyncGenerator<ModelStatus> {
  if (job === undefined) {
    yield model.status();
    return;
  }
  const news: ModelStatus[] = [];
  let wake = Promise.withResolvers<void>();
  let isOver = false;
  const push = () => {
    // What happens after the work has ended, such as unloading at once, is no news of it.
    if (isOver) return;
    isOver = model.job() !== job;
    const status = model.status();
    if (news.at(-1)?.state === status.state) news.pop();
    news.push(status);
    wake.resolve();
  };
  let end: { error: unknown } | undefined;
  const finish = (error?: unknown) => {
    end ??= { error };
    wake.resolve();
  };
  const leave = () => finish(cancelled());
  const unsubscribe = model.onChange(push);
  signal.addEventListener("abort", leave, { once: true });
  job.outcome.then(() => finish(), finish);
  try {
    push();
    for (;;) {
      await wake.promise;
      wake = Promise.withResolvers<void>();
      for (let next = news.shift(); next !== undefined; next = news.shift()) yield next;
      if (end === undefined || news.length > 0) continue;
      if (end.error !== undefined) throw end.error;
      return;
    }
  } finally {
    unsubscribe();
    signal.removeEventListener("abort", leave);
  }
}

/** Resolves at the model's next change. @throws EngineError cancelled */
export async function nextChange(model: ServedModel, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw cancelled();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const leave = () => reject(cancelled());
  const unsubscribe = model.onChange(resolve);
  signal.addEventListener("abort", leave, { once: true });
  try {
    await promise;
  } finally {
    unsubscribe();
    signal.removeEventListener("abort", leave);
  }
}

function cancelled(): EngineError {
  return new EngineError("cancelled", "Nobody waits for the model any more.");
}
