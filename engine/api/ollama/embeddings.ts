/** /api/embed and the older /api/embeddings. */
import { readBody } from "../body.ts";
import type { Call, Engine } from "../call.ts";
import { embedTexts } from "../embed.ts";
import { findModel } from "../models.ts";
import { json } from "../reply.ts";
import { parseKeepAlive, toNanoseconds } from "./framing.ts";
import { EmbedRequest, OldEmbedRequest } from "./schemas.ts";

export async function embed(engine: Engine, call: Call): Promise<Response> {
  const request = await readBody(call, EmbedRequest);
  const texts = typeof request.input === "string" ? [request.input] : request.input;
  const result = await embedKeeping(engine, call, request, texts, request.dimensions ?? undefined);
  return json({
    model: request.model,
    embeddings: result.vectors,
    total_duration: toNanoseconds(engine.clock.monotonic() - call.arrivedMs),
    load_duration: 0,
    prompt_eval_count: result.promptTokens,
  });
}

export async function embedOld(engine: Engine, call: Call): Promise<Response> {
  const request = await readBody(call, OldEmbedRequest);
  const result = await embedKeeping(engine, call, request, [request.prompt], undefined);
  return json({ embedding: result.vectors[0] ?? [] });
}

async function embedKeeping(
  engine: Engine,
  call: Call,
  request: { model: string; keep_alive?: string | number | null | undefined },
  texts: string[],
  dimensions: number | undefined,
) {
  const keepMs = parseKeepAlive(request.keep_alive);
  const { spec } = findModel(engine, call.caller, request.model);
  const result = await embedTexts(engine, call, { model: request.model, texts, dimensions });
  if (keepMs !== undefined) engine.models.keepAlive(spec.name, keepMs);
  return result;
}
