/** What engines of pods say of their model: asked while it comes up, and once when it is there. */
import { defaultPorts } from "../contract/endpoints.ts";
import { type WorkerModel, type WorkerModels, workerPaths } from "../contract/worker.ts";

export type ReadWorker = (address: string, model: string) => Promise<WorkerModel | undefined>;

const answerMsMax = 2_000;
const answerCharactersMax = 1024 * 1024;

/** Undefined while the engine does not answer; that is everyday for a pod that starts. */
export function createReadWorker(call: typeof fetch, workerKey: string | undefined): ReadWorker {
  return async (address, model) => {
    const host = address.includes(":") ? `[${address}]` : address;
    try {
      const response = await call(`http://${host}:${defaultPorts.main}${workerPaths.models}`, {
        signal: AbortSignal.timeout(answerMsMax),
        redirect: "error",
        ...(workerKey === undefined ? {} : { headers: { authorization: `Bearer ${workerKey}` } }),
      });
      if (!response.ok) return void (await response.body?.cancel());
      const text = await response.text();
      if (text.length > answerCharactersMax) return undefined;
      const { models } = JSON.parse(text) as WorkerModels;
      return models.find(({ name }) => name === model);
    } catch {
      return undefined;
    }
  };
}
