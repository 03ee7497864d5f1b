/** Writes of one tenant go one transaction after the other; appends that wait meanwhile share the next commit. */
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import { type Database, enterScope, type Session } from "./postgres-database.ts";
import { append, type EventRow, makeScope, takeSequences } from "./postgres-writes.ts";
import type { Scope } from "./store.ts";

export interface Writer {
  /** The sequence that the event has got, when it is durable. @throws EngineError */
  append(scope: Scope, event: EventRow): Promise<number>;
  /** `change` in a transaction of its own. @throws EngineError */
  run<T>(scope: Scope, change: (session: Session) => Promise<T>): Promise<T>;
  /** After everything that waits. */
  close(): Promise<void>;
}

interface Waiting {
  scope: Scope;
  event: EventRow;
  outcome: PromiseWithResolvers<number>;
}

type Job = Waiting | { run: () => Promise<void> };

export function createWriter(database: Database): Writer {
  /** By tenant; a lane is there while something of it runs or waits. */
  const lanes = new Map<string, { jobs: Job[]; done: Promise<void> }>();
  let waiting = 0;

  function enqueue(tenant: string, job: Job): void {
    waiting += 1;
    const lane = lanes.get(tenant);
    if (lane !== undefined) {
      lane.jobs.push(job);
      return;
    }
    const jobs = [job];
    lanes.set(tenant, { jobs, done: work(tenant, jobs) });
  }

  async function work(tenant: string, jobs: Job[]): Promise<void> {
    // After this turn of the loop, so that appends begun together travel together.
    await undefined;
    while (jobs.length > 0) {
      const batch = takeBatch(jobs);
      const [first] = batch;
      if (first !== undefined && "run" in first) await first.run();
      else await commit(batch as Waiting[]);
      waiting -= batch.length;
    }
    lanes.delete(tenant);
  }

  async function commit(batch: readonly Waiting[]): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    try {
      const last = await database.write(first.scope, session => appendAll(session, batch));
      for (const [index, one] of batch.entries())
        one.outcome.resolve(last - batch.length + 1 + index);
    } catch (error) {
      // One bad event must not fail the others that happened to wait beside it.
      if (batch.length > 1 && isAboutEvent(error)) for (const one of batch) await commit([one]);
      else for (const one of batch) one.outcome.reject(error);
    }
  }

  function refuseTooMany(): void {
    if (waiting >= limits.appendsWaitingMax)
      throw new EngineError("overloaded", "Too many writes wait for the memory's database.", {
        retryAfterSeconds: 1,
      });
  }

  return {
    append: async (scope, event) => {
      refuseTooMany();
      const outcome = Promise.withResolvers<number>();
      enqueue(scope.tenant, { scope, event, outcome });
      return await outcome.promise;
    },
    run: async (scope, change) => {
      refuseTooMany();
      return await new Promise((resolve, reject) => {
        const run = () =>
          database
            .write(scope, async session => {
              await takeSequences(session, scope.tenant, 0);
              return await change(session);
            })
            .then(resolve, reject);
        enqueue(scope.tenant, { run });
      });
    },
    close: async () => {
      await Promise.all([...lanes.values()].map(lane => lane.done));
    },
  };
}

/** The first job, and when it is an append those that follow it. */
function takeBatch(jobs: Job[]): Job[] {
  const other = jobs.findIndex(job => "run" in job);
  const appends = other === -1 ? jobs.length : other;
  return jobs.splice(0, Math.min(Math.max(appends, 1), limits.appendBatchMax));
}

async function appendAll(session: Session, batch: readonly Waiting[]): Promise<number> {
  const tenant = batch[0]?.scope.tenant ?? "";
  const last = await takeSequences(session, tenant, batch.length);
  const keys = new Map<string, number>();
  let current = batch[0]?.scope.subject;
  for (const [index, { scope, event }] of batch.entries()) {
    const { subject } = scope;
    if (subject !== current) await session.query(enterScope(scope));
    current = subject;
    const key = keys.get(subject) ?? (await makeScope(session, tenant, subject));
    keys.set(subject, key);
    await append(session, key, last - batch.length + 1 + index, event);
  }
  return last;
}

/** Whether an event of the batch, and not the database's condition, is the reason. */
function isAboutEvent(error: unknown): boolean {
  return !(error instanceof EngineError) || /refused what it was asked/.test(error.message);
}
