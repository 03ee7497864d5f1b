/** Sizes as foretold against llama.cpp's real allocations: what a process grows by when it loads and uses a model. */
import { readFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { ModelSpec, type ModelSpecInput } from "../../engine/contract/model.ts";
import { cpuProfile, type Prediction } from "../../engine/contract/platform.ts";
import { predict } from "../../engine/manifests/sizing.ts";
import { readGgufHeader } from "../../engine/models/formats/gguf.ts";
import { toModelShape } from "../../engine/models/formats/model-shape.ts";
import { bundledModel, createModelFolder, openModel } from "./llama-support.ts";

const mebibyte = 2 ** 20;
const models = createModelFolder();

afterAll(() => models.remove());

interface Measured {
  prediction: Prediction;
  /** Of the inference process after a long prompt. */
  residentBytes: number;
  /** What llama.cpp says that it holds: weights, cache and buffers. */
  heldBytes: number;
  /** Bytes of the tensors alone. */
  tensorBytes: number;
}

async function measure(path: string, given: Partial<ModelSpecInput>): Promise<Measured> {
  const shape = toModelShape(await readGgufHeader(path));
  const spec = ModelSpec.parse({ name: "m", source: `file://${path}`, ...given });
  const { backend } = await openModel(path, given);
  try {
    const prediction = predict(spec, cpuProfile, shape);
    // More than a batch, so that its buffers are really touched.
    const prompt = " the".repeat(Math.min(600, prediction.contextTokens / 4));
    const request = {
      input: { kind: "prompt", prompt } as const,
      maxTokens: 1,
      cacheScope: "sizing",
    };
    for await (const _ of backend.generate(request, AbortSignal.timeout(60_000)));
    return {
      prediction,
      residentBytes: residentBytes(backend.pid() ?? 0),
      heldBytes: backend.facts().memoryBytes ?? 0,
      tensorBytes: shape.tensorBytes,
    };
  } finally {
    await backend.close();
  }
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

const say = (bytes: number) => `${(bytes / mebibyte).toFixed(1)} MiB`;

/** Of random weights: 79 MiB in 32 bits, 6 blocks of 512. */
const real = {
  seed: 1,
  embeddingLength: 512,
  headCount: 8,
  feedForwardLength: 1_536,
  blockCount: 6,
  contextLength: 8_192,
};

test("a process grows by what is foretold, within 5 %", { timeout: 120_000 }, async () => {
  const bare = await measure(models.write("bare", { seed: 1 }), { context: 256, slots: 1 });
  const path = models.write("real", real);
  for (const [context, slots] of [
    [4_096, 4],
    [8_000, 3],
  ] as const) {
    const { prediction, residentBytes, heldBytes, tensorBytes } = await measure(path, {
      context,
      slots,
    });
    const foretold = prediction.memoryBytes - prediction.overheadBytes;
    const grown = residentBytes - bare.residentBytes;
    const held = heldBytes - tensorBytes;
    const buffers = prediction.cacheBytes + prediction.computeBytes;
    process.stdout.write(
      `${slots} × ${context} tokens: foretold ${say(foretold)}, grown by ${say(grown)} ` +
        `(${(100 * (foretold / grown - 1)).toFixed(1)} %); cache and buffers ${say(buffers)}, held ${say(held)}\n`,
    );
    // What llama.cpp reserves is reckoned exactly; what a process keeps besides is noise of a few MB.
    expect(Math.abs(buffers / held - 1)).toBeLessThan(0.005);
    expect(Math.abs(foretold / grown - 1)).toBeLessThan(0.05);
  }
});

test("the bundled model's cache and buffers are as foretold", async () => {
  const { prediction, heldBytes, tensorBytes } = await measure(bundledModel, { slots: 4 });
  const { cacheBytes, computeBytes, weightsBytes } = prediction;
  process.stdout.write(
    `echo-tiny: weights ${say(weightsBytes)}, cache ${say(cacheBytes)}, buffers ${say(computeBytes)}; held ${say(heldBytes)}\n`,
  );
  // Quantised weights are kept a second time in the order that the processor likes; the file's own pages can be let go.
  const foretold = 2 * tensorBytes + cacheBytes + computeBytes;
  expect(Math.abs(foretold / heldBytes - 1)).toBeLessThan(0.05);
});
