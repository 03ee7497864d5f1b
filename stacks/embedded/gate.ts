/** Lets a bounded number of operations run at once, and none begin after the deployment was stopped. */

/** Thrown where an operation would have begun; what stopped the deployment was reported already. */
export class Stopped extends Error {
  constructor() {
    super("the deployment was stopped");
  }
}

export interface Gate {
  run<T>(work: () => Promise<T>): Promise<T>;
  stop(): void;
  isStopped(): boolean;
  /** All that had begun has ended. */
  settled(): Promise<void>;
}

export function createGate(parallel: number): Gate {
  const waiting: (() => void)[] = [];
  const running = new Set<Promise<unknown>>();
  let free = parallel;
  let isStopped = false;

  const enter = async (): Promise<void> => {
    if (free > 0) free -= 1;
    else await new Promise<void>(resolve => waiting.push(resolve));
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    await enter();
    try {
      if (isStopped) throw new Stopped();
      return await work();
    } finally {
      leave();
    }
  };
  return {
    run: work => {
      const attempted = attempt(work);
      running.add(attempted);
      const forget = (): boolean => running.delete(attempted);
      attempted.then(forget, forget);
      return attempted;
    },
    stop: () => {
      isStopped = true;
    },
    isStopped: () => isStopped,
    settled: async () => {
      while (running.size > 0) await Promise.allSettled([...running]);
    },
  };
}
