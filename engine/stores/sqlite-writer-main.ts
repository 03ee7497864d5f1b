/** The writing thread: commits whatever waits for one file in one transaction, so that many writes cost one fsync. */
import type { DatabaseSync } from "node:sqlite";
import { parentPort } from "node:worker_threads";
import { EngineError } from "../contract/errors.ts";
import { checkStructure, openForWriting } from "./sqlite-database.ts";
import { toStoreError } from "./sqlite-errors.ts";
import type { JobKind, JobMessage, JobReply, Jobs } from "./sqlite-protocol.ts";
import { createWrites, type Writes } from "./sqlite-writes.ts";

type Output = Jobs[JobKind]["output"];
type WriteMessage = Extract<JobMessage, { kind: "append" | "create" | "erase" }>;

interface TenantFile {
  database: DatabaseSync;
  writes: Writes;
}

/** Writes of one transaction; more only make everyone wait longer. */
const batchMax = 512;

const files = new Map<string, TenantFile>();

parentPort?.on("message", (jobs: JobMessage[]) => {
  for (const [path, ofFile] of Map.groupBy(jobs, job => job.path)) runJobs(path, ofFile);
  parentPort?.postMessage("idle");
});

/** In their order; neighbouring writes together. */
function runJobs(path: string, jobs: readonly JobMessage[]): void {
  let batch: WriteMessage[] = [];
  const flush = () => {
    if (batch.length > 0) commit(path, batch);
    batch = [];
  };
  for (const job of jobs) {
    if (job.kind === "append" || job.kind === "create" || job.kind === "erase") {
      // Erasing also rewrites the file; if that fails, no append shall be told that it failed.
      if ((job.kind === "erase") !== (batch[0]?.kind === "erase")) flush();
      batch.push(job);
      if (batch.length >= batchMax) flush();
    } else {
      flush();
      answer(job, path, () => runAlone(job));
    }
  }
  flush();
}

function commit(path: string, batch: readonly WriteMessage[]): void {
  let outputs: Output[];
  try {
    outputs = inTransaction(path, batch);
  } catch (error) {
    // One bad write must not fail the others that happened to wait beside it.
    if (batch.length > 1 && !isAboutFile(toStoreError(error, path)))
      for (const job of batch) commit(path, [job]);
    else for (const job of batch) reply(toFailure(job.id, error, path));
    return;
  }
  for (const [index, job] of batch.entries()) reply({ id: job.id, output: outputs[index] ?? null });
}

function inTransaction(path: string, batch: readonly WriteMessage[]): Output[] {
  const { database, writes } = toFile(path);
  database.exec("BEGIN IMMEDIATE");
  let outputs: Output[];
  try {
    outputs = batch.map(job => runWrite(writes, job));
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
  if (batch.some(job => job.kind === "erase") && writes.hasUnscrubbed()) writes.scrub();
  return outputs;
}

function runWrite(writes: Writes, job: WriteMessage): Output {
  switch (job.kind) {
    case "append":
      return writes.append(job.input);
    case "create":
      return writes.createConversation(job.input);
    case "erase":
      return writes.erase(job.input.subject, job.input.id);
  }
}

function runAlone(job: Exclude<JobMessage, WriteMessage>): null {
  switch (job.kind) {
    case "open":
      openFile(job.path, job.input.bytesMax);
      return null;
    case "probe":
      toFile(job.path).database.exec("BEGIN IMMEDIATE; ROLLBACK");
      if (job.input.isSuspect) checkStructure(toFile(job.path).database, job.path);
      return null;
    case "close":
      files.get(job.path)?.database.close();
      files.delete(job.path);
      return null;
  }
}

function openFile(path: string, bytesMax: number | undefined): void {
  if (files.has(path)) return;
  const database = openForWriting(path, { bytesMax });
  try {
    const writes = createWrites(database);
    // An erasure that a crash cut short is finished before anyone reads.
    if (writes.hasUnscrubbed()) writes.scrub();
    files.set(path, { database, writes });
  } catch (error) {
    database.close();
    throw error;
  }
}

function toFile(path: string): TenantFile {
  const file = files.get(path);
  if (file === undefined) throw new Error(`${path} is not open`);
  return file;
}

function answer(job: JobMessage, path: string, run: () => Output): void {
  try {
    reply({ id: job.id, output: run() });
  } catch (error) {
    reply(toFailure(job.id, error, path));
  }
}

function isAboutFile(error: unknown): boolean {
  return error instanceof EngineError;
}

function toFailure(id: number, error: unknown, path: string): JobReply {
  const meant = toStoreError(error, path);
  if (meant instanceof EngineError) return { id, error: meant.toJSON() };
  return { id, defect: meant instanceof Error ? (meant.stack ?? meant.message) : String(meant) };
}

function reply(message: JobReply): void {
  parentPort?.postMessage(message);
}
