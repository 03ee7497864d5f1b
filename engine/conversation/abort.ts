/** Ends what is being iterated as soon as its signal aborts, even when nobody asks for the next item any more. */
import { EngineError } from "../contract/errors.ts";

/**
 * The items of `source`. A client may go away before anyone began to read, or between two items;
 * then `source` is ended at once, so that what it holds (a model, a place in a line) is free.
 * @throws EngineError of the abort, when `source` had not ended by itself
 */
export async function* endOnAbort<T>(
  source: AsyncGenerator<T, void>,
  signal: AbortSignal,
): AsyncGenerator<T, void> {
  let isCut = false;
  const cut = () => {
    isCut = true;
    // Its own failure is seen by whoever iterates, if anyone does.
    source.return().catch(() => undefined);
  };
  signal.addEventListener("abort", cut, { once: true });
  try {
    yield* source;
    if (isCut) throw toAbortError(signal);
  } finally {
    signal.removeEventListener("abort", cut);
  }
}

export function toAbortError(signal: AbortSignal): EngineError {
  if (signal.reason instanceof EngineError) return signal.reason;
  return new EngineError("cancelled", "The client went away.", { cause: signal.reason });
}
