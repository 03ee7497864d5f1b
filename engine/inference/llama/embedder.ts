/** Embeddings: one unit vector a text, pooled as the model says, in a context of its own that is made on demand. */
import type { LlamaEmbeddingContext, LlamaModel } from "node-llama-cpp";
import { EngineError } from "../../contract/errors.ts";

export interface Embedder {
  /** The vector and the tokens of one text. @throws EngineError context_exceeded */
  embed(text: string): Promise<{ vector: number[]; tokens: number }>;
}

export function createEmbedder(
  model: LlamaModel,
  contextTokens: number,
  threadsMax: number,
): Embedder {
  let opening: Promise<LlamaEmbeddingContext> | undefined;
  const open = async () => {
    opening ??= model.createEmbeddingContext({
      contextSize: contextTokens,
      // A text is pooled within one batch.
      batchSize: contextTokens,
      threads: threadsMax,
    });
    try {
      return await opening;
    } catch (error) {
      // There may be memory for it when the next text comes.
      opening = undefined;
      throw error;
    }
  };
  return {
    async embed(text) {
      const context = await open();
      // An embedder reads no markup: what looks like it is text.
      const input = model.tokenize(text, false);
      const tokens = context.calculateInputLength(input);
      if (tokens >= contextTokens) throw tooLong(tokens, contextTokens);
      if (tokens === 0) throw emptyText();
      const { vector } = await context.getEmbeddingFor(input);
      return { vector: toUnit(vector), tokens };
    },
  };
}

/** Whether the file is an embedder: an encoder, or one that names how its tokens are pooled. */
export function poolsByItself(model: LlamaModel): boolean {
  const { hasEncoder, hasDecoder } = model.fileInsights;
  const metadata = model.fileInfo.architectureMetadata as { pooling_type?: unknown };
  return (hasEncoder && !hasDecoder) || Number(metadata.pooling_type ?? 0) > 0;
}

function toUnit(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return vector.map(value => (length === 0 ? 0 : value / length));
}

function tooLong(tokens: number, contextTokens: number): EngineError {
  return new EngineError(
    "context_exceeded",
    `The text has ${tokens} tokens and the model's context holds ${contextTokens}.`,
    { field: "input" },
  );
}

function emptyText(): EngineError {
  return new EngineError("invalid_request", "An empty text has no embedding.", { field: "input" });
}
