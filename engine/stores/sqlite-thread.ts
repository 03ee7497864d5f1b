/** The main thread's end of the writing thread: jobs in, promises out. */
import { Worker } from "node:worker_threads";
import { EngineError, errorFromShape } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { JobKind, JobMessage, JobReply, Jobs } from "./sqlite-protocol.ts";

export interface WriterThread {
  /** @throws EngineError overloaded, disk_full, memory_failed */
  run<K extends JobKind>(
    kind: K,
    path: string,
    input: Jobs[K]["input"],
  ): Promise<Jobs[K]["output"]>;
  /** Why no job can be done any more; undefined while all is well. */
  failure(): EngineError | undefined;
  /** After every job that waits. */
  close(): Promise<void>;
}

export function createWriterThread(): WriterThread {
  const worker = new Worker(new URL("sqlite-writer-main.ts", import.meta.url), { execArgv: [] });
  const pending = new Map<number, PromiseWithResolvers<unknown>>();
  /** What came while the thread was busy goes to it together, and so into one transaction. */
  let outbox: JobMessage[] = [];
  let isBusy = false;
  let lastId = 0;
  let failed: EngineError | undefined;

  worker.on("message", (message: JobReply | "idle") => {
    if (message === "idle") {
      isBusy = false;
      return send();
    }
    const job = pending.get(message.id);
    pending.delete(message.id);
    if ("output" in message) job?.resolve(message.output);
    else if ("error" in message) job?.reject(errorFromShape(message.error));
    else job?.reject(new Error(message.defect));
  });
  worker.on("error", fail);
  worker.on("exit", () => fail(undefined));

  function fail(cause: unknown): void {
    failed ??= new EngineError("memory_failed", "The thread that writes the memory has ended.", {
      cause,
      remedy: "Restart the engine; what was acknowledged is kept.",
    });
    for (const job of pending.values()) job.reject(failed);
    pending.clear();
  }

  function send(): void {
    if (isBusy || outbox.length === 0) return;
    isBusy = true;
    worker.postMessage(outbox);
    outbox = [];
  }

  async function run<K extends JobKind>(
    kind: K,
    path: string,
    input: Jobs[K]["input"],
  ): Promise<Jobs[K]["output"]> {
    if (failed !== undefined) throw failed;
    if (pending.size >= limits.appendsWaitingMax)
      throw new EngineError("overloaded", "Too many writes wait for the memory's disk.", {
        retryAfterSeconds: 1,
      });
    const job = Promise.withResolvers<unknown>();
    lastId += 1;
    pending.set(lastId, job);
    outbox.push({ id: lastId, path, kind, input } as JobMessage);
    // After this turn of the loop, so that appends begun together travel together.
    queueMicrotask(send);
    return (await job.promise) as Jobs[K]["output"];
  }

  async function close(): Promise<void> {
    await Promise.allSettled([...pending.values()].map(job => job.promise));
    await worker.terminate();
  }

  return { run, failure: () => failed, close };
}
