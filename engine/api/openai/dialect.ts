/** OpenAI's API, as far as this engine speaks it. */
import type { ModelStatus } from "../../contract/model.ts";
import { readBody } from "../body.ts";
import type { Call, Dialect, Engine, Route } from "../call.ts";
import { embedTexts } from "../embed.ts";
import { json } from "../reply.ts";
import { findModel } from "../turn.ts";
import { completeChat } from "./chat.ts";
import { complete } from "./completions.ts";
import { renderError } from "./framing.ts";
import { EmbeddingsRequest } from "./schemas.ts";

export function createOpenAiDialect(engine: Engine): Dialect {
  const use = (method: Route["method"], path: string, handle: Route["handle"]): Route => ({
    method,
    path,
    access: "use",
    handle,
  });
  return {
    name: "openai",
    renderError,
    owns: path => path === "/v1" || path.startsWith("/v1/"),
    routes: [
      use("GET", "/v1/models", () => listModels(engine)),
      // Names of models may have slashes.
      use("GET", "/v1/models/:id{.+}", call => showModel(engine, call)),
      use("POST", "/v1/chat/completions", call => completeChat(engine, call)),
      use("POST", "/v1/completions", call => complete(engine, call)),
      use("POST", "/v1/embeddings", call => embed(engine, call)),
    ],
  };
}

function listModels(engine: Engine): Response {
  const data = engine.models
    .list()
    .flatMap(status =>
      [status.spec.name, ...status.spec.aliases].map(id => toModel(engine, status, id)),
    );
  return json({ object: "list", data });
}

function showModel(engine: Engine, call: Call): Response {
  const id = call.params.id ?? "";
  return json(toModel(engine, findModel(engine, id), id));
}

function toModel(engine: Engine, status: ModelStatus, id: string) {
  const created = Math.floor((status.file?.modifiedMs ?? engine.startedMs) / 1000);
  return { id, object: "model", created, owned_by: status.owner };
}

async function embed(engine: Engine, call: Call): Promise<Response> {
  const request = await readBody(call, EmbeddingsRequest);
  const texts = typeof request.input === "string" ? [request.input] : request.input;
  const dimensions = request.dimensions ?? undefined;
  const result = await embedTexts(engine, call, { model: request.model, texts, dimensions });
  const encode = request.encoding_format === "base64" ? toBase64 : (vector: number[]) => vector;
  return json({
    object: "list",
    model: request.model,
    data: result.vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: encode(vector),
    })),
    usage: { prompt_tokens: result.promptTokens, total_tokens: result.promptTokens },
  });
}

/** 32-bit floats, little-endian. */
function toBase64(vector: number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString("base64");
}
