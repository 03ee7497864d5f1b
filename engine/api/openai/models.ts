/** GET /v1/models: every name that a client may use. */
import type { ModelStatus } from "../../contract/model.ts";
import type { Call, InferenceEngine } from "../call.ts";
import { findModel, listModels } from "../models.ts";
import { json } from "../reply.ts";

export function showModels(engine: InferenceEngine, call: Call): Response {
  const data = listModels(engine, call.caller).flatMap(status =>
    [status.spec.name, ...status.spec.aliases].map(id => toModel(engine, status, id)),
  );
  return json({ object: "list", data });
}

export function showModel(engine: InferenceEngine, call: Call): Response {
  const id = call.params.id ?? "";
  return json(toModel(engine, findModel(engine, call.caller, id), id));
}

function toModel(engine: InferenceEngine, status: ModelStatus, id: string) {
  const created = Math.floor((status.file?.modifiedMs ?? engine.startedMs) / 1000);
  return { id, object: "model", created, owned_by: status.owner };
}
