/** Headers of LoRA adapters: what a good one says, what a bad one is refused with, and whether one fits its model. */
import { expect, test } from "vitest";
import { describeMisfit } from "../../../../engine/models/formats/gguf/adapter.ts";
import { readAdapterHeader, readHeader } from "../../../../engine/models/formats/gguf.ts";
import { encodeGguf, type GgufContent } from "../../../support/gguf-encoding.ts";
import { tinyAdapter, tinyModel } from "../../../support/gguf-writer.ts";

const target = { name: "blk.0.attn_q.weight", columns: 32, rows: 32 };
const good = tinyAdapter({ seed: 1, targets: [target] });

function toReader(content: GgufContent) {
  const bytes = encodeGguf(content);
  return {
    label: "x.gguf",
    bytes: bytes.length,
    read: async (into: Buffer, position: number) => bytes.copy(into, 0, position),
  };
}

const without = (key: string) => ({
  ...good,
  metadata: good.metadata.filter(([name]) => name !== key),
});
const [a, b] = good.tensors;
if (a === undefined || b === undefined) throw new Error("an adapter has two tensors");

test("a good adapter says what it changes", async () => {
  const { adapter } = await readAdapterHeader(toReader(good));
  const pair = { target: target.name, rank: 4, columns: 32, rows: 32 };
  expect(adapter).toEqual({ architecture: "llama", pairs: [pair] });
});

test.each<[string, GgufContent, RegExp]>([
  ["a model", tinyModel({ seed: 1 }), /holds no adapter/],
  ["one without a kind", without("adapter.type"), /of the kind ""/],
  ["one without alpha", without("adapter.lora.alpha"), /"adapter.lora.alpha" is missing/],
  ["one without an architecture", without("general.architecture"), /architecture" is missing/],
  ["one without tensors", { ...good, tensors: [] }, /holds no tensors/],
  ["a half", { ...good, tensors: [a] }, /has a lora_a and no lora_b/],
  ["another tensor", { ...good, tensors: [a, { ...b, name: "x.weight" }] }, /neither a lora_a/],
  [
    "embeddings the wrong way round",
    tinyAdapter({ seed: 1, targets: [{ ...target, name: "token_embd.weight" }] }),
    /rank 32 and a lora_b of rank 4/,
  ],
  ["two ranks", { ...good, tensors: [a, { ...b, dimensions: [8, 16] }] }, /rank 4 and a lora_b/],
])("%s is refused", async (_, content, sentence) => {
  await expect(readAdapterHeader(toReader(content))).rejects.toMatchObject({
    code: "invalid_model_file",
    message: expect.stringMatching(sentence),
  });
});

test.each([
  ["the model that it was made for", {}, undefined],
  ["another architecture", { architecture: "qwen2" }, /architecture "qwen2".*"llama"/],
  ["another width", { targets: [{ ...target, columns: 64 }] }, /64 × 32, which is 32 × 32/],
  ["another height", { targets: [{ ...target, rows: 16 }] }, /32 × 16, which is 32 × 32/],
  ["a tensor too many", { targets: [{ ...target, name: "blk.9.x.weight" }] }, /has not/],
])("beside %s", async (_, change, sentence) => {
  const content = tinyAdapter({ seed: 1, targets: [target], ...change });
  const { adapter } = await readAdapterHeader(toReader(content));
  const model = await readHeader(toReader(tinyModel({ seed: 1 })));
  const { architecture } = model.requirements;
  const misfit = describeMisfit(adapter, { architecture, tensors: model.tensors });
  if (sentence === undefined) expect(misfit).toBeUndefined();
  else expect(misfit).toMatch(sentence);
});
