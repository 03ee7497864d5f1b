/** Ollama's view of the served models: tags, ps, show, delete, version. */

import { EngineError } from "../../contract/errors.ts";
import type { ModelFile, ModelStatus } from "../../contract/model.ts";
import { readBody } from "../body.ts";
import type { Call, Engine } from "../call.ts";
import { readCapabilities } from "../capabilities.ts";
import { findModel, listModels } from "../models.ts";
import { json } from "../reply.ts";
import { toTime } from "./framing.ts";
import { NamedRequest } from "./schemas.ts";

/** What Ollama shows where a model is never unloaded. */
const neverMs = Date.UTC(2318, 0, 1);

type OnDisk = ModelStatus & { file: ModelFile };

/** Every name that a client may use, as Ollama lists a copied model under each of its names. */
export function listTags(engine: Engine, call: Call): Response {
  const models = listModels(engine, call.caller)
    .filter(isOnDisk)
    .sort((a, b) => b.file.modifiedMs - a.file.modifiedMs)
    .flatMap(status => [status.spec.name, ...status.spec.aliases].map(name => toTag(status, name)));
  return json({ models });
}

function isOnDisk(status: ModelStatus): status is OnDisk {
  return status.file !== undefined;
}

function toTag(status: OnDisk, name: string) {
  const { facts } = status.file;
  return {
    ...toEntry(status, name),
    modified_at: toTime(status.file.modifiedMs),
    details: {
      ...toDetails(status.file),
      context_length: facts.contextTrained,
      embedding_length: facts.embeddingLength,
    },
  };
}

function toEntry({ file }: OnDisk, name: string) {
  const tagged = name.includes(":") ? name : `${name}:latest`;
  return { name: tagged, model: tagged, size: file.bytes, digest: file.sha256 };
}

function toDetails({ facts }: ModelFile) {
  return {
    parent_model: "",
    format: "gguf",
    family: facts.architecture,
    families: [facts.architecture],
    parameter_size: toSize(facts.parameters),
    quantization_level: facts.quantization,
  };
}

/** 1536000000 → "1.5B", as Ollama rounds it. */
function toSize(parameters: number): string {
  if (parameters >= 1e9) return `${(parameters / 1e9).toFixed(1)}B`;
  if (parameters >= 1e6) return `${(parameters / 1e6).toFixed(2)}M`;
  return `${(parameters / 1e3).toFixed(2)}K`;
}

export function listRunning(engine: Engine, call: Call): Response {
  const models = listModels(engine, call.caller)
    .filter(isOnDisk)
    .filter(status => status.state === "ready")
    .sort((a, b) => (b.expiresMs ?? neverMs) - (a.expiresMs ?? neverMs))
    .map(status => ({
      ...toEntry(status, status.spec.name),
      size: status.memoryBytes ?? status.file.bytes,
      details: toDetails(status.file),
      expires_at: toTime(status.expiresMs ?? neverMs),
      size_vram: 0,
      context_length: status.contextTokens ?? status.file.facts.contextTrained,
    }));
  return json({ models });
}

export async function show(engine: Engine, call: Call): Promise<Response> {
  const request = await readBody(call, NamedRequest);
  const status = findModel(engine, call.caller, request.model);
  if (!isOnDisk(status))
    throw new EngineError("model_not_ready", `model '${status.spec.name}' is not fetched yet`);
  const { spec, file } = status;
  return json({
    license: file.facts.license ?? "",
    modelfile: renderModelfile(status),
    parameters: renderParameters(status),
    template: file.facts.chatTemplate ?? "",
    ...(spec.system === undefined ? {} : { system: spec.system }),
    details: toDetails(file),
    model_info: toModelInfo(file),
    capabilities: await readCapabilities(engine, status, call.signal),
    modified_at: toTime(file.modifiedMs),
  });
}

function toModelInfo({ facts }: ModelFile) {
  const { architecture } = facts;
  return {
    "general.architecture": architecture,
    "general.basename": facts.name,
    "general.name": facts.name,
    "general.parameter_count": facts.parameters,
    [`${architecture}.context_length`]: facts.contextTrained,
    [`${architecture}.embedding_length`]: facts.embeddingLength,
    [`${architecture}.block_count`]: facts.blockCount,
    [`${architecture}.vocab_size`]: facts.vocabularySize,
  };
}

function renderParameters({ spec, contextTokens }: OnDisk): string {
  const { temperature, topK, topP, minP, repeatPenalty } = spec.sampling;
  const named = {
    num_ctx: contextTokens ?? spec.context,
    temperature,
    top_k: topK,
    top_p: topP,
    min_p: minP,
    repeat_penalty: repeatPenalty,
  };
  return Object.entries(named)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name.padEnd(30)} ${value}`)
    .join("\n");
}

function renderModelfile({ spec }: OnDisk): string {
  const system = spec.system === undefined ? [] : [`SYSTEM ${JSON.stringify(spec.system)}`];
  return [`# ${spec.source}`, `FROM ${spec.name}`, ...system].join("\n");
}

export async function remove(engine: Engine, call: Call): Promise<Response> {
  const request = await readBody(call, NamedRequest);
  const { spec } = findModel(engine, call.caller, request.model);
  await engine.models.remove(spec.name, "client");
  return new Response(null, { status: 200 });
}
