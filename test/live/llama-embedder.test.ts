/** A real sentence embedder gives the cosines that its authors published. */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OpenedModel, openModel } from "./llama-support.ts";

const file = [
  process.env.ECHO_TEST_EMBEDDER,
  new URL("../../../shared/models/minilm-l6-v2-q8_0.gguf", import.meta.url).pathname,
].find(path => path !== undefined && existsSync(path));

if (file === undefined)
  console.info(
    "the embedder is skipped: there is none at ECHO_TEST_EMBEDDER or in ../shared/models",
  );

describe.skipIf(file === undefined)("embedder", () => {
  let opened: OpenedModel;
  beforeAll(async () => {
    opened = await openModel(file ?? "");
  });
  afterAll(() => opened.backend.close());

  const embed = (...texts: string[]) => opened.backend.embed(texts, new AbortController().signal);

  it("knows what is alike", async () => {
    const { vectors } = await embed(
      "A man is eating food.",
      "A man is eating a piece of bread.",
      "The girl is carrying a baby.",
    );
    const [food, bread, girl] = vectors;
    expect(cosine(food, bread)).toBeCloseTo(0.753, 2);
    expect(cosine(food, girl)).toBeCloseTo(-0.107, 2);
  });

  it("says that it can embed and cannot write", async () => {
    expect(opened.backend.facts().capabilities).toEqual(["embedding"]);
    const request = { input: { kind: "prompt" as const, prompt: "x" }, cacheScope: "s" };
    const writing = opened.backend
      .generate(request, new AbortController().signal)
      [Symbol.asyncIterator]();
    await expect(writing.next()).rejects.toMatchObject({ code: "unsupported" });
  });

  it("refuses a text that is too long", async () => {
    await expect(embed("word ".repeat(600))).rejects.toMatchObject({ code: "context_exceeded" });
  });
});

function cosine(a: readonly number[] = [], b: readonly number[] = []): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}
