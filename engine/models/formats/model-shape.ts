/** What sizes follow from, out of a checked GGUF header: memory, caches and volumes are computed from it before anything runs. */
import type { ModelShape } from "../../contract/platform.ts";
import { type GgufHeader, toModelFacts } from "./gguf.ts";

export function toModelShape(header: GgufHeader): ModelShape {
  const facts = toModelFacts(header);
  const { architecture, blockCount, embeddingLength } = facts;
  const numbers = (key: string) => readNumbers(header, `${architecture}.${key}`);
  const heads = numbers("attention.head_count");
  const shared = numbers("attention.head_count_kv");
  const headWidth = Math.floor(embeddingLength / Math.max(1, ...heads));
  const keyLength = numbers("attention.key_length")[0] ?? headWidth;
  return {
    bytes: header.bytes,
    tensorBytes: header.tensors.reduce((sum, tensor) => sum + tensor.bytes, 0),
    parameters: facts.parameters,
    architecture,
    quantization: facts.quantization,
    contextTrained: facts.contextTrained,
    blockCount,
    embeddingLength,
    feedForwardLength: Math.max(0, ...numbers("feed_forward_length")),
    headsKv: perBlock(shared.length > 0 ? shared : heads, blockCount),
    keyLength,
    valueLength: numbers("attention.value_length")[0] ?? keyLength,
    vocabularySize: facts.vocabularySize,
  };
}

/** A number for all blocks, or one for each; nothing where the file has none. */
function readNumbers(header: GgufHeader, key: string): number[] {
  const entry = header.metadata.get(key);
  const values = entry?.items ?? [entry?.value];
  return values.filter(value => typeof value === "number" && value >= 0) as number[];
}

function perBlock(numbers: readonly number[], blockCount: number): number[] {
  const last = numbers.at(-1) ?? 0;
  return Array.from({ length: blockCount }, (_, block) => numbers[block] ?? last);
}
