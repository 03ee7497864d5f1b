/** Makes tiny models of random weights that llama.cpp really loads: for whatever needs a model and no meaning. */
import { writeFileSync } from "node:fs";
import { createSeededRandom, type Random } from "../../engine/kit/random.ts";
import { encodeGguf, type GgufContent, type GgufTensor, type GgufValue } from "./gguf-encoding.ts";

export interface TinyModelOptions {
  /** Equal seeds make equal bytes. */
  seed: number;
  name?: string;
  /** Tokens of one sequence that the file declares. */
  contextLength?: number;
  embeddingLength?: number;
  headCount?: number;
  feedForwardLength?: number;
  blockCount?: number;
  chatTemplate?: string;
}

/** Writes a model of about 120 kB to `path` (llama architecture, byte-level BPE, ChatML, F32). */
export function writeTinyGguf(path: string, options: TinyModelOptions): void {
  writeFileSync(path, encodeGguf(tinyModel(options)));
}

export const chatMlTemplate =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** What `writeTinyGguf` writes, to be changed before it is encoded. */
export function tinyModel(options: TinyModelOptions): GgufContent {
  const shape = {
    embedding: options.embeddingLength ?? 32,
    heads: options.headCount ?? 2,
    feedForward: options.feedForwardLength ?? 64,
    blocks: options.blockCount ?? 2,
    context: options.contextLength ?? 2048,
  };
  return {
    metadata: [
      ["general.architecture", text("llama")],
      ["general.name", text(options.name ?? `tiny-${options.seed}`)],
      ["general.license", text("apache-2.0")],
      ["general.file_type", count(0)],
      ["llama.context_length", count(shape.context)],
      ["llama.embedding_length", count(shape.embedding)],
      ["llama.block_count", count(shape.blocks)],
      ["llama.feed_forward_length", count(shape.feedForward)],
      ["llama.attention.head_count", count(shape.heads)],
      ["llama.attention.head_count_kv", count(shape.heads)],
      ["llama.rope.dimension_count", count(shape.embedding / shape.heads)],
      ["llama.attention.layer_norm_rms_epsilon", { type: "float32", value: 1e-5 }],
      ["llama.vocab_size", count(tokens.length)],
      ...tokenizer(),
      ["tokenizer.chat_template", text(options.chatTemplate ?? chatMlTemplate)],
    ],
    tensors: tinyTensors(shape, createSeededRandom(options.seed)),
  };
}

export interface TinyAdapterOptions {
  seed: number;
  /** Tensors that it changes, with their width and height. */
  targets: readonly { name: string; columns: number; rows: number }[];
  rank?: number;
  architecture?: string;
}

/** A LoRA adapter of random low-rank matrices, to be changed before it is encoded. */
export function tinyAdapter(options: TinyAdapterOptions): GgufContent {
  const random = createSeededRandom(options.seed);
  const rank = options.rank ?? 4;
  return {
    metadata: [
      ["general.architecture", text(options.architecture ?? "llama")],
      ["general.type", text("adapter")],
      ["adapter.type", text("lora")],
      ["adapter.lora.alpha", { type: "float32", value: rank }],
    ],
    tensors: options.targets.flatMap(({ name, columns, rows }) => [
      matrix(`${name}.lora_a`, columns, rank, random),
      matrix(`${name}.lora_b`, rank, rows, random),
    ]),
  };
}

interface Shape {
  embedding: number;
  feedForward: number;
  blocks: number;
}

function tinyTensors(shape: Shape, random: Random): GgufTensor[] {
  const { embedding, feedForward } = shape;
  const block = (index: number): GgufTensor[] => [
    ones(`blk.${index}.attn_norm.weight`, embedding),
    ...["attn_q", "attn_k", "attn_v", "attn_output"].map(name =>
      matrix(`blk.${index}.${name}.weight`, embedding, embedding, random),
    ),
    ones(`blk.${index}.ffn_norm.weight`, embedding),
    matrix(`blk.${index}.ffn_gate.weight`, embedding, feedForward, random),
    matrix(`blk.${index}.ffn_up.weight`, embedding, feedForward, random),
    matrix(`blk.${index}.ffn_down.weight`, feedForward, embedding, random),
  ];
  return [
    matrix("token_embd.weight", embedding, tokens.length, random),
    ...Array.from({ length: shape.blocks }, (_, index) => block(index)).flat(),
    ones("output_norm.weight", embedding),
    matrix("output.weight", embedding, tokens.length, random),
  ];
}

function matrix(name: string, columns: number, rows: number, random: Random): GgufTensor {
  const scale = 2 / Math.sqrt(columns);
  const values = Float32Array.from({ length: columns * rows }, () => (random() - 0.5) * scale);
  return { name, dimensions: [columns, rows], typeNumber: 0, data: toBytes(values) };
}

function ones(name: string, length: number): GgufTensor {
  const data = toBytes(new Float32Array(length).fill(1));
  return { name, dimensions: [length], typeNumber: 0, data };
}

function toBytes(values: Float32Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

const special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] as const;

/** A few merges, in the order in which they apply; more than bytes, so that tokens and characters differ. */
const merges = ["t h", "th e", "i n", "a n", "e r", "o u", "Ġ the", "Ġ a", "an d", "l l", "e ll"];

const tokens: readonly string[] = [
  ...special,
  ...byteCharacters(),
  ...merges.map(merge => merge.replace(" ", "")),
];

function tokenizer(): [string, GgufValue][] {
  const types = tokens.map((_, index) => (index < special.length ? 3 : 1));
  return [
    ["tokenizer.ggml.model", text("gpt2")],
    ["tokenizer.ggml.pre", text("gpt-2")],
    ["tokenizer.ggml.tokens", { type: "array", of: "string", values: tokens }],
    ["tokenizer.ggml.token_type", { type: "array", of: "int32", values: types }],
    ["tokenizer.ggml.merges", { type: "array", of: "string", values: merges }],
    ["tokenizer.ggml.bos_token_id", count(0)],
    ["tokenizer.ggml.eos_token_id", count(2)],
    ["tokenizer.ggml.padding_token_id", count(0)],
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: false }],
  ];
}

/** The printable character that stands for each byte in byte-level BPE. */
function byteCharacters(): string[] {
  const printable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(printable(byte) ? byte : next++),
  );
}

function text(value: string): GgufValue {
  return { type: "string", value };
}

function count(value: number): GgufValue {
  return { type: "uint32", value };
}
