/** POST /v1/embeddings. */
import { readBody } from "../body.ts";
import type { Call, InferenceEngine } from "../call.ts";
import { embedTexts } from "../embed.ts";
import { json } from "../reply.ts";
import { rateLimitHeaders } from "./rate-limits.ts";
import { EmbeddingsRequest } from "./schemas.ts";

export async function embed(engine: InferenceEngine, call: Call): Promise<Response> {
  const request = await readBody(call, EmbeddingsRequest);
  const texts = typeof request.input === "string" ? [request.input] : request.input;
  const dimensions = request.dimensions ?? undefined;
  const result = await embedTexts(engine, call, { model: request.model, texts, dimensions });
  const encode = request.encoding_format === "base64" ? toBase64 : (vector: number[]) => vector;
  const reply = {
    object: "list",
    model: request.model,
    data: result.vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: encode(vector),
    })),
    usage: { prompt_tokens: result.promptTokens, total_tokens: result.promptTokens },
  };
  return json(reply, { headers: rateLimitHeaders(result.quotas) });
}

/** 32-bit floats, little-endian. */
function toBase64(vector: number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString("base64");
}
