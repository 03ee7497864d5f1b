/** What llama.cpp wants of a language model, checked here first, because some of it would abort the process that loads it. */
import { limits } from "../../../contract/limits.ts";
import type { Cursor } from "./cursor.ts";
import { type Metadata, type MetadataValue, shorten, tokensKey } from "./metadata.ts";
import type { TensorInfo } from "./tensors.ts";

export interface Requirements {
  architecture: string;
  contextTrained: number;
  embeddingLength: number;
  blockCount: number;
  vocabularySize: number;
}

/** @throws EngineError invalid_model_file */
export function checkRequirements(
  cursor: Cursor,
  metadata: Metadata,
  tensors: readonly TensorInfo[],
): Requirements {
  const architecture = text(cursor, metadata, "general.architecture");
  refuseOtherKinds(cursor, metadata, architecture);
  const count = (name: string, most: number) =>
    wholeNumber(cursor, metadata, `${architecture}.${name}`, most);
  const found = {
    architecture,
    contextTrained: count("context_length", 2 ** 31 - 1),
    embeddingLength: count("embedding_length", 2 ** 24),
    blockCount: count("block_count", limits.ggufBlocksMax),
    vocabularySize: checkVocabulary(cursor, metadata),
  };
  if (tensors.length === 0) throw cursor.wrong("it holds no tensors");
  checkEmbedding(cursor, tensors, found.vocabularySize);
  checkShape(cursor, metadata, tensors, architecture);
  checkHeads(cursor, metadata, found);
  checkRopeScaling(cursor, metadata, architecture);
  checkExperts(cursor, metadata, architecture);
  return found;
}

/** Files in the same format that are no language model of their own. */
function refuseOtherKinds(cursor: Cursor, metadata: Metadata, architecture: string): void {
  const parts = metadata.get("split.count")?.value;
  if (typeof parts === "number" && parts > 1)
    throw cursor.wrong(
      `it is one of the ${parts} parts of a split model`,
      "Join the parts with `llama-gguf-split --merge`, or name a `source` that is one file.",
    );
  const kind = metadata.get("general.type")?.value;
  if (kind === "adapter" || kind === "mmproj" || architecture === "clip")
    throw cursor.wrong(
      `it holds ${kind === "adapter" ? "an adapter" : "an image projector"} and no language model`,
      kind === "adapter"
        ? "Name the file of the model itself as `source`, and this one under `adapters`."
        : "Name the file of the model itself as `source`.",
    );
}

function checkVocabulary(cursor: Cursor, metadata: Metadata): number {
  const kind = text(cursor, metadata, "tokenizer.ggml.model");
  const tokens = metadata.get(tokensKey);
  if (tokens?.of !== "string" || !tokens.length)
    throw cursor.wrong(`it has no vocabulary (${tokensKey}) for its tokenizer "${shorten(kind)}"`);
  for (const key of ["tokenizer.ggml.scores", "tokenizer.ggml.token_type"]) {
    const list = metadata.get(key);
    if (list !== undefined && (list.length ?? 0) < tokens.length)
      throw cursor.wrong(`"${key}" has ${list.length ?? 0} items for ${tokens.length} tokens`);
  }
  if (kind === "gpt2" && metadata.get("tokenizer.ggml.merges")?.of !== "string")
    throw cursor.wrong('its tokenizer "gpt2" has no merges (tokenizer.ggml.merges)');
  return tokens.length;
}

function checkEmbedding(cursor: Cursor, tensors: readonly TensorInfo[], vocabulary: number): void {
  const embedding = tensors.find(tensor => tensor.name === "token_embd.weight");
  const rows = embedding?.dimensions[1] ?? 1;
  if (embedding !== undefined && rows !== vocabulary)
    throw cursor.wrong(
      `tensor "token_embd.weight" has ${rows} rows for a vocabulary of ${vocabulary} tokens`,
    );
}

/** Keys that give a tensor its size: without them llama.cpp takes the size for 0 and aborts. */
const sizedBy = [
  { tensor: /^blk\.\d+\.ffn_(up|down)\.weight$/, key: "feed_forward_length" },
  { tensor: /^blk\.\d+\.attn_(q|qkv|k)\.weight$/, key: "attention.head_count" },
] as const;

function checkShape(
  cursor: Cursor,
  metadata: Metadata,
  tensors: readonly TensorInfo[],
  architecture: string,
): void {
  for (const { tensor, key } of sizedBy) {
    const sized = tensors.find(({ name }) => tensor.test(name));
    const entry = metadata.get(`${architecture}.${key}`);
    // A list has a number for each block, and may say 0 for some.
    const isGiven = entry?.type === "array" || (entry?.value ?? 0) !== 0;
    if (sized !== undefined && !isGiven)
      throw cursor.wrong(
        `"${architecture}.${key}" is missing, which gives tensor "${sized.name}" its size`,
      );
  }
}

/** Some models have no heads at all, and some have a list of them, a number a block. */
function checkHeads(cursor: Cursor, metadata: Metadata, found: Requirements): void {
  const { architecture, embeddingLength } = found;
  const heads = metadata.get(`${architecture}.attention.head_count`)?.value ?? 0;
  const shared = metadata.get(`${architecture}.attention.head_count_kv`)?.value ?? 0;
  if (typeof heads !== "number" || typeof shared !== "number")
    throw cursor.wrong("its numbers of attention heads are no numbers");
  if (heads > embeddingLength)
    throw cursor.wrong(`it claims ${heads} attention heads for a width of ${embeddingLength}`);
  if (heads > 0 && shared > 0 && heads % shared !== 0)
    throw cursor.wrong(`${heads} attention heads cannot share ${shared} heads of keys`);
}

const ropeScalings: readonly unknown[] = ["none", "linear", "yarn", "longrope"];

function checkRopeScaling(cursor: Cursor, metadata: Metadata, architecture: string): void {
  const scaling = metadata.get(`${architecture}.rope.scaling.type`)?.value;
  if (scaling === undefined || ropeScalings.includes(scaling)) return;
  throw cursor.wrong(`its rope scaling "${shorten(String(scaling))}" is unknown here`);
}

function checkExperts(cursor: Cursor, metadata: Metadata, architecture: string): void {
  const number = (name: string) => {
    const value = metadata.get(`${architecture}.${name}`)?.value;
    return typeof value === "number" ? value : 0;
  };
  const experts = number("expert_count");
  const used = number("expert_used_count");
  const groups = number("expert_group_count");
  if (experts > limits.ggufExpertsMax || used > experts)
    throw cursor.wrong(`it claims to use ${used} of ${experts} experts`);
  const groupsFit = groups === 0 || (groups < experts && (groups === 1 || experts % groups === 0));
  if (!groupsFit) throw cursor.wrong(`it claims ${groups} groups of ${experts} experts`);
}

function text(cursor: Cursor, metadata: Metadata, key: string): string {
  const value = required(cursor, metadata, key).value;
  if (typeof value === "string" && value !== "") return value;
  throw cursor.wrong(`"${key}" is not a text`);
}

function wholeNumber(cursor: Cursor, metadata: Metadata, key: string, most: number): number {
  const { value } = required(cursor, metadata, key);
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= most)
    return value;
  throw cursor.wrong(
    `"${shorten(key)}" is ${shorten(String(value))}, not a number from 1 to ${most}`,
  );
}

function required(cursor: Cursor, metadata: Metadata, key: string): MetadataValue {
  const value = metadata.get(key);
  if (value === undefined) throw cursor.wrong(`the key "${shorten(key)}" is missing`);
  return value;
}
