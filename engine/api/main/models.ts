/** GET /api/v1/models: what is served, in which state. */
import type { ModelStatus } from "../../contract/model.ts";
import type { Call, Engine } from "../call.ts";
import { listModels } from "../models.ts";
import { json } from "../reply.ts";

export function showModels(engine: Engine, call: Call): Response {
  return json({ data: listModels(engine, call.caller).map(toModel) });
}

function toModel({ spec, owner, state, progress, error, file, contextTokens }: ModelStatus) {
  return {
    name: spec.name,
    aliases: spec.aliases,
    source: spec.source,
    owner,
    state,
    required: spec.required,
    context: contextTokens ?? null,
    slots: spec.slots,
    parameters: file?.facts.parameters ?? null,
    quantization: file?.facts.quantization ?? null,
    bytes: file?.bytes ?? null,
    progress:
      progress === undefined
        ? null
        : { completedBytes: progress.completedBytes, totalBytes: progress.totalBytes ?? null },
    error: error ?? null,
  };
}
