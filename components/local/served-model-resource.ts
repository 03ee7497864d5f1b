/** `echo:local:ServedModel`: one model of the stack in a running engine, made and changed through the Admin API. */
import { toFieldProblems } from "../../engine/contract/config.ts";
import { ModelSpec, type ModelStatus } from "../../engine/contract/model.ts";
import { type AdminClient, AdminError, createAdminClient } from "./admin-client.ts";
import { readAdminKey } from "./admin-key.ts";
import { isAlive } from "./process-identity.ts";
import { toUrl } from "./process-plan.ts";
import { hasUnknown, type PropertyMap } from "./property-values.ts";
import { type Call, HalfMadeError, type LocalResource } from "./resource.ts";
import {
  describeStatus,
  isAsWanted,
  planModelDiff,
  type ServedModelInputs,
  servedModelInputs,
  toModelOutputs,
} from "./served-model-plan.ts";
import { waitForEngine } from "./supervised.ts";
import { readRecord, type SupervisorRecord } from "./supervisor-record.ts";

export function createServedModelResource(): LocalResource {
  return {
    inputs: servedModelInputs,
    async check(_call, _olds, news) {
      if (hasUnknown(news.spec ?? null)) return [];
      const parsed = ModelSpec.safeParse(news.spec);
      if (parsed.success) return [];
      return toFieldProblems(parsed.error).map(({ field, message }) => ({
        property: `spec.${field}`,
        reason: message,
      }));
    },
    async diff(_call, _id, olds, news) {
      if (planModelDiff(olds, news) === "changed") return { changes: true };
      const status = await askStatus(toInputs(news)).catch(() => undefined);
      return { changes: !isAsWanted(news.spec ?? null, status) };
    },
    async create(call, news) {
      const { name } = toInputs(news).spec;
      return { id: name, outputs: await putModel(call, name, toInputs(news)) };
    },
    async read(call, _id, state) {
      const inputs = toInputs(state);
      await waitForRestart(inputs, call.signal);
      const status = await askStatus(inputs).catch(() => undefined);
      if (status === undefined) return undefined;
      const spec = JSON.parse(JSON.stringify(status.spec));
      return { ...state, ...toModelOutputs(status), spec };
    },
    update: (call, id, _olds, news) => putModel(call, id, toInputs(news)),
    async delete(call, id, state) {
      call.status("unloading");
      try {
        await clientOf(toInputs(state)).deleteModel(id);
      } catch (error) {
        // Gone with its engine.
        if (!(error instanceof AdminError) || error.status !== undefined) throw error;
      }
    },
  };
}

function toInputs(map: PropertyMap): ServedModelInputs {
  return map as unknown as ServedModelInputs;
}

async function askStatus(inputs: ServedModelInputs): Promise<ModelStatus | undefined> {
  return await clientOf(inputs).getModel(inputs.spec.name);
}

/** Asks the engine that runs in the home now, which may listen elsewhere than the state remembers. */
function clientOf({ home, endpoint }: ServedModelInputs): AdminClient {
  const record = liveRecord(home);
  const url = record === undefined ? endpoint : toUrl(record.host, record.ports.main);
  return createAdminClient(url, readAdminKey(home) ?? "");
}

function liveRecord(home: string): SupervisorRecord | undefined {
  const record = readRecord(home);
  return record !== undefined && isAlive(record.supervisor) ? record : undefined;
}

/** An engine that crashed a moment ago is back soon; one without a supervisor is not waited for. */
async function waitForRestart({ home }: ServedModelInputs, signal: AbortSignal): Promise<void> {
  const record = liveRecord(home);
  if (record !== undefined)
    await waitForEngine(record, record.supervisor, signal).catch(() => undefined);
}

async function putModel(call: Call, id: string, inputs: ServedModelInputs): Promise<PropertyMap> {
  let last: ModelStatus | undefined;
  const onStatus = (status: ModelStatus) => {
    last = status;
    call.status(describeStatus(status));
  };
  await waitForRestart(inputs, call.signal);
  try {
    return toModelOutputs(await clientOf(inputs).putModel(inputs.spec, onStatus, call.signal));
  } catch (error) {
    // Once the engine knows the model, the stack must know it too, or no one would remove it.
    if (last === undefined) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new HalfMadeError(id, { state: "failed" }, `model "${id}": ${message}`);
  }
}
