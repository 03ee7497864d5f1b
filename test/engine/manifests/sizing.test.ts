/** The arithmetic of sizes: known models, laws over seeded shapes, and refusals that say what would fit. */
import { describe, expect, test } from "vitest";
import { EngineError } from "../../../engine/contract/errors.ts";
import { KvType, ModelSpec, type ModelSpecInput } from "../../../engine/contract/model.ts";
import { type ModelShape, Profile, type ProfileInput } from "../../../engine/contract/platform.ts";
import { createSeededRandom } from "../../../engine/kit/random.ts";
import { parseQuantity, predict } from "../../../engine/manifests/sizing.ts";
import { pick, shapeOf } from "../../support/manifests/random-plans.ts";

const mebibyte = 2 ** 20;
const source = "hf:owner/repo/model.gguf";

function foretell(input: Partial<ModelSpecInput>, shape: ModelShape, profile: unknown = {}) {
  return predict(ModelSpec.parse({ name: "m", source, ...input }), Profile.parse(profile), shape);
}

const small: ModelShape = {
  ...shapeOf(),
  bytes: 531_000_000,
  blockCount: 24,
  headsKv: Array.from({ length: 24 }, () => 2),
};

describe("a model of 24 blocks with 2 heads of 64 and 151,936 words", () => {
  test("its cache is 12 KiB a token, its buffer what the vocabulary's scores take", () => {
    const { cacheBytes, computeBytes, contextTokens } = foretell({ slots: 1 }, small);
    expect(contextTokens).toBe(4_096);
    expect(cacheBytes).toBe(24 * 2 * 128 * 2 * 4_096);
    expect(computeBytes).toBe(512 * (151_936 * 4 + 4_096 * 2));
  });

  test("8-bit keys and values take 34 bytes where 16-bit ones take 64", () => {
    const kv = { keys: "q8_0", values: "q8_0" } as const;
    const [full, eighth] = [foretell({}, small), foretell({ kv }, small)];
    expect(eighth.cacheBytes / full.cacheBytes).toBeCloseTo(34 / 64, 10);
  });

  test("a context that fits no block is kept in whole ones", () => {
    const of = (context: number) => foretell({ context }, small).cacheBytes;
    expect(of(1_000)).toBe(of(1_024));
    expect(of(1_025)).toBe(of(1_280));
  });

  test("its start takes the fetch, the load and the process, twice", () => {
    const profile = { fetchBytesPerSecond: 10_000_000, loadBytesPerSecond: 100_000_000 };
    const { fetchSeconds, loadSeconds, startupBudgetSeconds } = foretell({}, small, profile);
    expect({ fetchSeconds, loadSeconds }).toEqual({ fetchSeconds: 54, loadSeconds: 6 });
    expect(startupBudgetSeconds).toBe(Math.ceil(2 * (53.1 + 5.31 + 15)));
  });

  test("what is in the image is not fetched, and no budget is below a minute", () => {
    const bundled = foretell({ source: "bundled:echo-tiny" }, { ...small, bytes: 3_000_000 });
    expect(bundled).toMatchObject({ fetchSeconds: 0, volumeBytes: 0, startupBudgetSeconds: 60 });
  });

  test("a volume that stays has room for the next version beside the last one", () => {
    const of = (tier: "ephemeral" | "own") => foretell({ storage: { tier } }, small).volumeBytes;
    expect(of("ephemeral")).toBeGreaterThan(small.bytes);
    expect(of("ephemeral")).toBeLessThan(2 * small.bytes);
    expect(of("own")).toBeGreaterThan(2 * small.bytes);
  });

  test("an encoder keeps no cache", () => {
    expect(foretell({ context: 512 }, { ...small, architecture: "nomic-bert" }).cacheBytes).toBe(0);
  });
});

const seeds = Array.from({ length: 300 }, (_, index) => index + 1);

describe("of 300 seeded shapes", () => {
  test("more of anything never needs less", () => {
    for (const seed of seeds) {
      const random = createSeededRandom(seed);
      const shape = shapeOf(random);
      const context = 64 + Math.floor(random() * 8_000);
      const slots = 1 + Math.floor(random() * 16);
      const base = foretell({ context, slots }, shape);
      const more = [
        foretell({ context: context + 500, slots }, shape),
        foretell({ context, slots: slots + 1 }, shape),
        foretell({ context, slots }, { ...shape, bytes: shape.bytes + 1 }),
      ];
      for (const other of more) expect(other.memoryBytes).toBeGreaterThanOrEqual(base.memoryBytes);
      const { weightsBytes, cacheBytes, computeBytes, overheadBytes } = base;
      expect(base.memoryBytes).toBe(weightsBytes + cacheBytes + computeBytes + overheadBytes);
      for (const value of Object.values(base)) expect(Number.isSafeInteger(value)).toBe(true);
    }
  });

  test("what does not fit is refused, and every way out that is named fits, and nothing more", () => {
    let refused = 0;
    for (const seed of seeds) {
      const random = createSeededRandom(seed);
      const shape = shapeOf(random);
      const spec = {
        context: 2_048 + Math.floor(random() * 30_000),
        slots: 1 + Math.floor(random() * 16),
      };
      const profile = pick<ProfileInput>(random, [
        { memory: `${1 + Math.floor(random() * 6)}Gi` },
        { gpus: 1, accelerator: "nvidia", gpuMemory: `${1 + Math.floor(random() * 6)}Gi` },
      ]);
      const error = errorOf(() => foretell(spec, shape, profile));
      if (error === undefined) continue;
      refused += 1;
      expect(error.code).toBe("does_not_fit");
      expect(error.message).toMatch(/needs .* of (GPU|main) memory/);
      for (const way of waysOut(error.remedy)) {
        expect(errorOf(() => foretell({ ...spec, ...way }, shape, profile))).toBeUndefined();
        if (way.slots === undefined) continue;
        const oneMore = { ...spec, slots: (way.slots ?? 0) + 1 };
        expect(errorOf(() => foretell(oneMore, shape, profile))).toBeDefined();
      }
    }
    expect(refused).toBeGreaterThan(100);
  });

  test("nothing that fits is refused: a machine of exactly the foretold memory is enough", () => {
    for (const seed of seeds) {
      const shape = shapeOf(createSeededRandom(seed));
      const { memoryBytes } = foretell({}, shape);
      const memory = (bytes: number) => ({ memory: `${bytes}` });
      expect(errorOf(() => foretell({}, shape, memory(memoryBytes)))).toBeUndefined();
      expect(errorOf(() => foretell({}, shape, memory(memoryBytes - 1)))).toBeDefined();
    }
  });
});

function errorOf(run: () => unknown): EngineError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
}

function waysOut(remedy: string): Partial<ModelSpecInput>[] {
  const number = (field: string) => new RegExp(`\`${field}: (\\d+)\``).exec(remedy)?.[1];
  const type = KvType.safeParse(/`kv: \{keys: (\w+), values: \1\}`/.exec(remedy)?.[1]).data;
  const [context, slots] = [number("context"), number("slots")];
  return [
    ...(context === undefined ? [] : [{ context: Number(context) }]),
    ...(slots === undefined ? [] : [{ slots: Number(slots) }]),
    ...(type === undefined ? [] : [{ kv: { keys: type, values: type } }]),
  ];
}

describe("quantities", () => {
  test.each<[string, number]>([
    ["250m", 0.25],
    ["2", 2],
    ["1.5", 1.5],
    ["512Mi", 512 * mebibyte],
    ["20G", 20e9],
    ["1Ti", 2 ** 40],
    ["3k", 3_000],
  ])("%s", (text, value) => {
    expect(parseQuantity(text)).toBe(value);
  });

  test.each(["", "Mi", "-1", "1e9", "1 Gi", "1Pi", "1.Gi"])("%j is none", text => {
    expect(() => parseQuantity(text)).toThrow(EngineError);
  });
});
