/** What a model can do on the server that has it, as that server says. */
import type { BackendFacts } from "../../contract/chat.ts";
import { EngineError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { withoutLatest } from "../../contract/model.ts";
import { type WorkerModels, workerPaths } from "../../contract/worker.ts";
import type { Connection } from "./connection.ts";
import { isServerModels, isWorkerModels } from "./shapes.ts";

/** @throws EngineError model_not_found, model_not_ready with the worker's own reason */
export async function readWorkerFacts(
  connection: Connection,
  name: string,
  signal: AbortSignal,
): Promise<BackendFacts> {
  const reply = await connection.ask(workerPaths.models, undefined, signal, limits.workerAnswerMs);
  if (!isWorkerModels(reply)) throw strange();
  const { models } = reply as WorkerModels;
  const wanted = withoutLatest(name);
  const model = models.find(one => one.name === wanted || one.aliases.includes(wanted));
  if (model === undefined)
    throw new EngineError("model_not_found", `The worker does not serve "${name}".`);
  if (model.backend !== undefined) return model.backend;
  const why = model.error?.message ?? `it is ${model.state}`;
  throw new EngineError("model_not_ready", `"${name}" is not ready on its worker: ${why}.`);
}

interface ServerModels {
  data?: { id: string; max_model_len?: number }[] | null;
}

function strange(): EngineError {
  return new EngineError("model_not_ready", "The worker answers with what is no list of models.");
}

/** Of a server that names no length: what nearly all models have. */
const contextTokensAssumed = 8_192;

export async function readServerFacts(
  connection: Connection,
  name: string,
  signal: AbortSignal,
): Promise<BackendFacts> {
  const reply = await connection.ask("/v1/models", undefined, signal, limits.workerAnswerMs);
  // A server without such a list may serve the model all the same.
  const { data } = (isServerModels(reply) ? reply : {}) as ServerModels;
  const known = data?.find(model => model.id === name);
  return {
    contextTokens: known?.max_model_len ?? contextTokensAssumed,
    // Its queue is its own; this is only what is sent there at once.
    slots: limits.slotsMax,
    memoryBytes: undefined,
    capabilities: ["completion", "tools", "embedding"],
  };
}
