/** GET /worker/v1/models: what this worker serves, in which state, and how busy it is. */
import type { ModelStatus } from "../../contract/model.ts";
import type { WorkerLoad, WorkerModel, WorkerModels } from "../../contract/worker.ts";
import type { Backend } from "../../inference/backend.ts";
import type { Call, InferenceEngine } from "../call.ts";
import { json } from "../reply.ts";

export async function showState(engine: InferenceEngine, call: Call): Promise<Response> {
  const models = await Promise.all(
    engine.models.list().map(status => toWorkerModel(engine, status, call.signal)),
  );
  const { instance, version } = engine;
  return json({ instance, version, models } satisfies WorkerModels);
}

async function toWorkerModel(
  engine: InferenceEngine,
  status: ModelStatus,
  signal: AbortSignal,
): Promise<WorkerModel> {
  const { spec, file } = status;
  const model: WorkerModel = {
    name: spec.name,
    aliases: spec.aliases,
    state: status.state,
    error: status.error,
    progress: status.progress && {
      completedBytes: status.progress.completedBytes,
      totalBytes: status.progress.totalBytes,
    },
    facts: file?.facts,
    sha256: file?.sha256,
    memoryBytes: status.memoryBytes,
    loadMs: status.loadMs,
    backend: undefined,
    load: undefined,
  };
  if (status.state !== "ready") return model;
  using lease = await engine.models.acquire(spec.name, signal);
  return { ...model, backend: lease.backend.facts(), load: toWorkerLoad(lease.backend) };
}

export function toWorkerLoad(backend: Backend): WorkerLoad {
  const { busySlots, waiting, tokensWaiting = 0 } = backend.load();
  return { busySlots, waiting, slots: backend.facts().slots, tokensWaiting };
}
