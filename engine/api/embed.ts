/** What both embedding endpoints share: one lease, the texts, their vectors at the wanted length. */
import type { EmbedResult } from "../contract/chat.ts";
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import { admit, estimateText, type Quotas } from "./admission.ts";
import type { Call, InferenceEngine } from "./call.ts";
import { findModel } from "./models.ts";
import { startDeadline } from "./turn.ts";

export async function embedTexts(
  engine: InferenceEngine,
  call: Call,
  wish: { model: string; texts: string[]; dimensions?: number | undefined },
): Promise<EmbedResult & { quotas: Quotas }> {
  findModel(engine, call.caller, wish.model);
  if (wish.texts.length > limits.embedInputsMax)
    throw new EngineError("invalid_request", `input: at most ${limits.embedInputsMax} texts`, {
      field: "input",
    });
  const tokens = wish.texts.reduce((sum, text) => sum + estimateText(text.length), 0);
  const admission = await admit(engine, call.caller, tokens);
  const deadline = startDeadline(engine, call.signal);
  try {
    using lease = await engine.models.acquire(wish.model, deadline.signal);
    // Gateways have looked at what the model is meant for; a worker does what it can.
    const isAsked = engine.config().role === "worker";
    if (!isAsked && !lease.backend.facts().capabilities.includes("embedding"))
      throw new EngineError("unsupported", `"${wish.model}" does not support embeddings`, {
        field: "model",
        remedy: "Name a model that can embed.",
      });
    const result = await lease.backend.embed(wish.texts, deadline.signal);
    const labels = { model: lease.status.spec.name, kind: "prompt" };
    engine.telemetry.metrics.add("echorator_tokens_total", labels, result.promptTokens);
    const vectors = result.vectors.map(vector => shorten(vector, wish.dimensions));
    await admission.settle(result.promptTokens);
    return { ...result, vectors, quotas: admission.quotas };
  } catch (error) {
    await admission.withdraw();
    throw error;
  } finally {
    deadline.end();
  }
}

/** The first `dimensions` values, of unit length again; models trained for it lose little. */
function shorten(vector: number[], dimensions: number | undefined): number[] {
  if (dimensions === undefined || dimensions === vector.length) return vector;
  if (dimensions > vector.length)
    throw new EngineError(
      "invalid_request",
      `dimensions: the model's vectors have ${vector.length}, fewer than ${dimensions}`,
      { field: "dimensions" },
    );
  const head = vector.slice(0, dimensions);
  const length = Math.hypot(...head);
  return length === 0 ? head : head.map(value => value / length);
}
