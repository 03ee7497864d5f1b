/** The gate that every batch passes: it computes only while the process holds a grant of threads. */

export interface ComputeGate {
  /** A new grant; in force as soon as nothing computes. */
  grant(threads: number, number: number): void;
  /** Waits until it may compute; `leave` must follow. */
  enter(): Promise<void>;
  leave(): void;
}

export interface ComputeGateOptions {
  /** Sets the threads of whatever computes next; never 0. */
  apply: (threads: number) => void;
  /** Says that this grant is in force. */
  confirm: (number: number) => void;
}

export function createComputeGate(options: ComputeGateOptions): ComputeGate {
  let threads = 0;
  let computing = 0;
  let pending: { threads: number; number: number } | undefined;
  let waiting: (() => void)[] = [];

  const applyPending = () => {
    if (pending === undefined || computing > 0) return;
    const { number } = pending;
    threads = pending.threads;
    pending = undefined;
    if (threads > 0) options.apply(threads);
    options.confirm(number);
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake();
  };

  return {
    grant(next, number) {
      pending = { threads: next, number };
      applyPending();
    },
    async enter() {
      while (threads === 0 || pending !== undefined)
        await new Promise<void>(resolve => waiting.push(resolve));
      computing += 1;
    },
    leave() {
      computing -= 1;
      applyPending();
    },
  };
}
