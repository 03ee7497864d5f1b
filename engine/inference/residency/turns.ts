/** A door that lets so many through at once, the more urgent first, then in the order of their coming. */
import { EngineError } from "../../contract/errors.ts";

export interface Turns {
  /** Runs `work` when it is its turn. @throws EngineError cancelled when `signal` aborts before. */
  run<V>(urgency: number, signal: AbortSignal, work: () => Promise<V>): Promise<V>;
}

interface Waiting {
  urgency: number;
  enter(): void;
}

export function createTurns(capacity: number): Turns {
  const queue: Waiting[] = [];
  let inside = 0;

  const admit = () => {
    while (inside < capacity && queue.length > 0) {
      const next = queue.reduce((best, entry) => (entry.urgency > best.urgency ? entry : best));
      queue.splice(queue.indexOf(next), 1);
      inside += 1;
      next.enter();
    }
  };

  const wait = async (urgency: number, signal: AbortSignal) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry = { urgency, enter: resolve };
    const leave = () => {
      const at = queue.indexOf(entry);
      if (at < 0) return;
      queue.splice(at, 1);
      reject(new EngineError("cancelled", "The model is no longer wanted."));
    };
    signal.addEventListener("abort", leave, { once: true });
    queue.push(entry);
    if (signal.aborted) leave();
    admit();
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", leave);
    }
  };

  return {
    async run(urgency, signal, work) {
      await wait(urgency, signal);
      try {
        return await work();
      } finally {
        inside -= 1;
        admit();
      }
    },
  };
}
