/** GGUF headers: what a good file says, and that no bad one gets past or costs more than a moment. */
import { expect, test } from "vitest";
import { EngineError } from "../../../../engine/contract/errors.ts";
import { limits } from "../../../../engine/contract/limits.ts";
import { createSeededRandom } from "../../../../engine/kit/random.ts";
import { readHeader, toModelFacts } from "../../../../engine/models/formats/gguf.ts";
import { encodeGguf, type GgufContent, string, uint64 } from "../../../support/gguf-encoding.ts";
import { chatMlTemplate, tinyModel } from "../../../support/gguf-writer.ts";

const good = tinyModel({ seed: 1 });

function toReader(bytes: Buffer) {
  return {
    label: "x.gguf",
    bytes: bytes.length,
    read: async (target: Buffer, position: number) => bytes.copy(target, 0, position),
  };
}

const read = (content: GgufContent) => readHeader(toReader(encodeGguf(content)));

/** The good model with keys set to other values, or taken away. */
function withKeys(keys: Record<string, GgufContent["metadata"][number][1] | undefined>) {
  const kept = good.metadata.filter(([key]) => !(key in keys));
  const added = Object.entries(keys).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  return { ...good, metadata: [...kept, ...added] };
}

function withTensor(index: number, change: Partial<GgufContent["tensors"][number]>) {
  const tensors = good.tensors.map((tensor, at) =>
    at === index ? { ...tensor, ...change } : tensor,
  );
  return { ...good, tensors };
}

test("a good file says what it is", async () => {
  const facts = toModelFacts(await read(good));
  expect(facts).toEqual({
    architecture: "llama",
    name: "tiny-1",
    parameters: good.tensors.reduce((sum, tensor) => sum + tensor.data.length / 4, 0),
    quantization: "F32",
    contextTrained: 2048,
    embeddingLength: 32,
    blockCount: 2,
    vocabularySize: 270,
    license: "apache-2.0",
    chatTemplate: chatMlTemplate,
  });
});

test("version 2 is read, and another alignment", async () => {
  const header = await read({ ...good, version: 2 });
  expect(header.version).toBe(2);
  const wide = { ...withKeys({ "general.alignment": { type: "uint32", value: 128 } }) };
  expect((await read({ ...wide, alignment: 128 })).dataOffset % 128).toBe(0);
});

test("without a declared quantization the tensors tell it", async () => {
  expect(toModelFacts(await read(withKeys({ "general.file_type": undefined }))).quantization).toBe(
    "F32",
  );
});

const huge = 2n ** 63n - 1n;
const uint32 = (value: number) => ({ type: "uint32", value }) as const;
const text = (value: string) => ({ type: "string", value }) as const;
const raw = (...parts: Buffer[]) => ({ type: "raw", bytes: Buffer.concat(parts) }) as const;
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

const hostile: Record<string, [content: GgufContent, sentence: RegExp]> = {
  "another format": [{ ...good, magic: "PK\u0003\u0004" }, /begins with "PK\?\?"/],
  "version 1": [{ ...good, version: 1 }, /version 1, and 2 and 3/],
  "big-endian": [{ ...good, version: 0x03000000 }, /big-endian/],
  "lying tensor count": [{ ...good, tensorCount: huge }, /number of tensors at byte 8 says 922/],
  "lying key count": [{ ...good, keyCount: huge }, /number of keys at byte 16 says 922/],
  "one key too many": [{ ...good, keyCount: 500n }, /x\.gguf is no usable/],
  "a huge string": [
    withKeys({ "general.name": raw(u32(8), uint64(huge)) }),
    /length of the value of "general\.name" at byte \d+ says 922/,
  ],
  "a string past the end": [
    withKeys({ "general.name": raw(u32(8), uint64(1_000_000n)) }),
    /goes from byte \d+ to \d+, but the file ends/,
  ],
  "a huge array": [
    withKeys({ x: raw(u32(9), u32(4), uint64(huge)) }),
    /length of the value of "x" at byte \d+ says 922/,
  ],
  "a huge array of strings": [
    withKeys({ x: raw(u32(9), u32(8), uint64(BigInt(limits.ggufArrayLengthMax))) }),
    /x\.gguf is no usable/,
  ],
  "arrays of arrays": [
    withKeys({ x: raw(u32(9), u32(9), uint64(1n), u32(4), uint64(0n)) }),
    /array of arrays/,
  ],
  "an unknown value type": [withKeys({ x: raw(u32(13)) }), /unknown type 13/],
  "an empty key": [withKeys({ "": uint32(1) }), /is empty/],
  "the same key twice": [
    { ...good, metadata: [...good.metadata, ["general.name", text("again")]] },
    /"general\.name" stands in it twice/,
  ],
  "alignment 0": [withKeys({ "general.alignment": uint32(0) }), /power of two/],
  "alignment 48": [withKeys({ "general.alignment": uint32(48) }), /power of two/],
  "alignment of another type": [
    withKeys({ "general.alignment": { type: "uint64", value: 32 } }),
    /power of two in a uint32/,
  ],
  "no architecture": [withKeys({ "general.architecture": undefined }), /general\.architecture/],
  "no context length": [withKeys({ "llama.context_length": undefined }), /context_length/],
  "no blocks": [withKeys({ "llama.block_count": uint32(0) }), /from 1 to 512/],
  "too many blocks": [withKeys({ "llama.block_count": uint32(513) }), /from 1 to 512/],
  "a context length in words": [
    withKeys({ "llama.context_length": text("many") }),
    /is many, not a number/,
  ],
  "no vocabulary": [withKeys({ "tokenizer.ggml.tokens": undefined }), /no vocabulary/],
  "a vocabulary of another size": [
    withKeys({ "tokenizer.ggml.tokens": { type: "array", of: "string", values: ["a", "b"] } }),
    /270 rows for a vocabulary of 2/,
  ],
  "a token twice": [
    withKeys({ "tokenizer.ggml.tokens": { type: "array", of: "string", values: ["a", "a"] } }),
    /token 1 of its vocabulary stands in it twice/,
  ],
  "too few token types": [
    withKeys({ "tokenizer.ggml.token_type": { type: "array", of: "int32", values: [1] } }),
    /1 items for 270 tokens/,
  ],
  "no merges": [withKeys({ "tokenizer.ggml.merges": undefined }), /no merges/],
  "more experts used than there are": [
    withKeys({ "llama.expert_count": uint32(2), "llama.expert_used_count": uint32(3) }),
    /3 of 2 experts/,
  ],
  "no width of the feed forward": [
    withKeys({ "llama.feed_forward_length": undefined }),
    /"llama\.feed_forward_length" is missing, which gives tensor "blk\.0\.ffn_up/,
  ],
  "no attention heads": [
    withKeys({ "llama.attention.head_count": uint32(0) }),
    /"llama\.attention\.head_count" is missing/,
  ],
  "an unknown rope scaling": [
    withKeys({ "llama.rope.scaling.type": text("spiral") }),
    /rope scaling "spiral" is unknown/,
  ],
  "more heads than width": [
    withKeys({ "llama.attention.head_count": uint32(33) }),
    /33 attention heads for a width of 32/,
  ],
  "heads that cannot share": [
    withKeys({ "llama.attention.head_count_kv": uint32(3) }),
    /2 attention heads cannot share 3/,
  ],
  "a part of a split model": [
    withKeys({ "split.count": { type: "uint16", value: 3 } }),
    /one of the 3 parts/,
  ],
  "an adapter": [withKeys({ "general.type": text("adapter") }), /holds an adapter/],
  "five dimensions": [withTensor(1, { dimensions: [1, 1, 1, 1, 32] }), /5 dimensions/],
  "a dimension of zero": [withTensor(1, { dimensions: [0] }), /dimension of 0/],
  "an immense tensor": [withTensor(0, { dimensions: [2 ** 50, 2 ** 50] }), /claims .* bytes/],
  "an unknown tensor type": [withTensor(0, { typeNumber: 999 }), /tensor type 999/],
  "a withdrawn tensor type": [withTensor(0, { typeNumber: 4 }), /tensor type 4/],
  "rows that no block fits": [
    withTensor(1, { dimensions: [31], typeNumber: 8 }),
    /multiples of 32/,
  ],
  "a tensor that overlaps": [withTensor(1, { offset: 0n }), /lie at 0 of the data, where/],
  "a tensor out of line": [withTensor(1, { offset: 34_561n }), /where 34560 is right/],
  "a tensor beyond the file": [withTensor(1, { offset: huge }), /claims to lie at 922/],
  "a tensor name too long": [withTensor(0, { name: "x".repeat(64) }), /says 64, and at most 63/],
  "a tensor twice": [withTensor(1, { name: "token_embd.weight" }), /stands in it twice/],
  "no tensors": [{ ...good, tensors: [] }, /no tensors/],
};

test.each(Object.entries(hostile))(
  "%s is refused in one sentence",
  async (_, [content, wanted]) => {
    const error = await read(content).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EngineError);
    if (!(error instanceof EngineError)) return;
    expect(error.code).toBe("invalid_model_file");
    expect(error.message).toMatch(wanted);
    expect(error.message).toMatch(/^x\.gguf is no usable GGUF file: .*\.$/);
    expect(error.remedy).not.toBe("");
  },
);

test("a file cut off anywhere is refused", async () => {
  const whole = encodeGguf(good);
  const random = createSeededRandom(7);
  const cuts = [0, 1, 23, 24, whole.length - 1, ...Array.from({ length: 300 }, () => random())];
  for (const cut of cuts) {
    const length = cut < 1 ? Math.floor(cut * whole.length) : cut;
    const error = await readHeader(toReader(whole.subarray(0, length))).catch(thrown => thrown);
    expect(error, `cut at ${length}`).toMatchObject({ code: "invalid_model_file" });
  }
});

test("a file that shrinks while it is read is refused", async () => {
  const whole = encodeGguf(good);
  const reader = { ...toReader(whole.subarray(0, 3000)), bytes: whole.length };
  await expect(readHeader(reader)).rejects.toMatchObject({ code: "invalid_model_file" });
});

test("flipped bytes never end in anything but a header or a sentence, and never read far", async () => {
  const whole = encodeGguf(good);
  const { dataOffset } = await read(good);
  const random = createSeededRandom(11);
  for (let round = 0; round < 2_000; round++) {
    const bytes = Buffer.from(whole);
    const flips = 1 + Math.floor(random() * 4);
    for (let flip = 0; flip < flips; flip++)
      bytes[Math.floor(random() * dataOffset)] = Math.floor(random() * 256);
    let asked = 0;
    const reader = toReader(bytes);
    const read = (target: Buffer, position: number) => {
      asked += target.length;
      return reader.read(target, position);
    };
    const outcome = await readHeader({ ...reader, read }).catch((thrown: unknown) => thrown);
    if (outcome instanceof Error) expect(outcome, `round ${round}`).toBeInstanceOf(EngineError);
    expect(asked).toBeLessThan(4 * whole.length);
  }
});

test("a header that does not end within its bound is refused without being read whole", async () => {
  const head = encodeGguf({ metadata: [], tensors: [], keyCount: 60_000n });
  const entry = Buffer.concat([string("k"), u32(8)]);
  const bytes = limits.ggufHeaderBytesMax * 4;
  let asked = 0;
  const endless = {
    label: "x.gguf",
    bytes,
    read: async (target: Buffer, position: number) => {
      asked += target.length;
      if (position === 0) head.copy(target);
      // Each string says that it is as long as it may be.
      const key = Buffer.concat([
        string(`k${position}`),
        entry.subarray(-4),
        uint64(BigInt(limits.ggufStringBytesMax)),
      ]);
      key.copy(target, position === 0 ? 24 : 0);
      return target.length;
    },
  };
  await expect(readHeader(endless)).rejects.toMatchObject({ code: "invalid_model_file" });
  expect(asked).toBeLessThanOrEqual(limits.ggufHeaderBytesMax + 1024 * 1024);
});
