/** What one pod of a model needs, foretold from the weights' header before anything is created. */
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { KvType as KvTypeSchema, ModelSpec } from "../contract/model.ts";
import type { ModelShape, Prediction, Profile } from "../contract/platform.ts";
import { mebibyte, parseQuantity, sayBytes } from "./quantity.ts";
import { weightsKind } from "./weights.ts";

export { parseQuantity } from "./quantity.ts";

/** As the engine chooses where neither the specification nor the file asks for less. */
const contextTokensDefault = 4_096;
/** llama.cpp keeps the cache in whole blocks of that many tokens. */
const contextStep = 256;
/** Tokens that are evaluated together at most. */
const batchTokensMax = 512;
/** The engine's process and the one it infers in, without a model: 91 + 70 MB of their own, and 65 MB of program that they share. */
const processBytes = 240 * mebibyte;
/** From a container's start until the engine has read its configuration. */
const processStartSeconds = 15;
const startupFloorSeconds = 60;
/** Room above the prediction: allocators keep some of what is freed. */
export const memoryMargin = 1.1;

const kvBytes: Record<KvType, number> = {
  f32: 4,
  f16: 2,
  q8_0: 34 / 32,
  q5_0: 22 / 32,
  q4_0: 18 / 32,
};

type KvTypes = { keys: KvType; values: KvType };
type KvType = (typeof KvTypeSchema)["options"][number];

/** What memory depends on besides the weights. */
interface Load {
  contextTokens: number;
  slots: number;
  kv: KvTypes;
}

/** @throws EngineError does_not_fit, with what would fit, when the profile's machine is too small */
export function predict(spec: ModelSpec, profile: Profile, shape: ModelShape): Prediction {
  const load = toLoad(spec, shape);
  const parts = toParts(load, shape);
  refuseTooLarge(spec, profile, shape, load);
  const volumeBytes = toVolumeBytes(spec, shape);
  refuseSmallVolume(spec, volumeBytes);
  const fetches = ["fetched", "image"].includes(weightsKind(spec));
  const fetchSeconds = fetches ? shape.bytes / profile.fetchBytesPerSecond : 0;
  const loadSeconds = shape.bytes / profile.loadBytesPerSecond;
  const startSeconds = fetchSeconds + loadSeconds + processStartSeconds;
  return {
    ...parts,
    contextTokens: load.contextTokens,
    slots: load.slots,
    volumeBytes,
    fetchSeconds: Math.ceil(fetchSeconds),
    loadSeconds: Math.ceil(loadSeconds),
    startupBudgetSeconds: Math.max(startupFloorSeconds, Math.ceil(2 * startSeconds)),
  };
}

function toLoad(spec: ModelSpec, shape: ModelShape): Load {
  return {
    contextTokens: spec.context ?? Math.min(shape.contextTrained, contextTokensDefault),
    slots: spec.slots,
    kv: spec.kv ?? { keys: "f16", values: "f16" },
  };
}

function toParts(load: Load, shape: ModelShape) {
  const weightsBytes = shape.bytes;
  const cacheBytes = cacheBytesOf(load, shape);
  const computeBytes = computeBytesOf(load, shape);
  const overheadBytes = processBytes;
  const memoryBytes = weightsBytes + cacheBytes + computeBytes + overheadBytes;
  return { weightsBytes, cacheBytes, computeBytes, overheadBytes, memoryBytes };
}

/** Keys and values of every token of every sequence. An encoder keeps none. */
function cacheBytesOf({ contextTokens, slots, kv }: Load, shape: ModelShape): number {
  if (isEncoder(shape)) return 0;
  const heads = shape.headsKv.reduce((sum, count) => sum + count, 0);
  const tokenBytes =
    heads * (shape.keyLength * kvBytes[kv.keys] + shape.valueLength * kvBytes[kv.values]);
  return Math.ceil(tokenBytes * inSteps(contextTokens) * slots);
}

/**
 * What a batch needs on its way, as llama.cpp reserves it: the widest moment of a token (in attention, in the
 * feed-forward net, or at the scores of the whole vocabulary) in 32 bits, and the mask of the context in 16.
 */
function computeBytesOf({ contextTokens }: Load, shape: ModelShape): number {
  const { embeddingLength, feedForwardLength, vocabularySize } = shape;
  // An encoder reads a whole text at once.
  const tokens = isEncoder(shape) ? contextTokens : Math.min(contextTokens, batchTokensMax);
  const floats = Math.max(
    6 * embeddingLength,
    4 * embeddingLength + 3 * feedForwardLength,
    vocabularySize,
  );
  return tokens * (floats * 4 + inSteps(contextTokens) * 2);
}

function inSteps(contextTokens: number): number {
  return Math.ceil(contextTokens / contextStep) * contextStep;
}

function isEncoder({ architecture }: ModelShape): boolean {
  return /bert/.test(architecture);
}

/** Weights that are fetched onto a volume that stays: the next version lies beside the last one. */
function toVolumeBytes(spec: ModelSpec, shape: ModelShape): number {
  if (weightsKind(spec) !== "fetched") return 0;
  const stays = spec.storage !== undefined && spec.storage.tier !== "ephemeral";
  return Math.ceil(shape.bytes * (stays ? 2.1 : 1.05)) + limits.diskReserveBytes;
}

function refuseTooLarge(spec: ModelSpec, profile: Profile, shape: ModelShape, load: Load): void {
  const room = roomOf(profile);
  if (room === undefined) return;
  const need = (other: Load) => {
    const parts = toParts(other, shape);
    return room.kind === "GPU" ? parts.memoryBytes - parts.overheadBytes : parts.memoryBytes;
  };
  if (need(load) <= room.bytes) return;
  throw new EngineError(
    "does_not_fit",
    `"${spec.name}" needs ${sayBytes(need(load))} of ${room.kind} memory (weights ${sayBytes(shape.bytes)}, ` +
      `cache ${sayBytes(cacheBytesOf(load, shape))} for ${load.slots} × ${load.contextTokens} tokens) ` +
      `and the profile has ${sayBytes(room.bytes)}.`,
    { field: room.field, remedy: sayWhatFits(load, room.bytes, need) },
  );
}

/** The memory that weights and cache must find room in; undefined where the pod gets what is foretold. */
function roomOf(
  profile: Profile,
): { kind: "GPU" | "main"; bytes: number; field: string } | undefined {
  if (profile.gpus > 0 && profile.gpuMemory !== undefined)
    return {
      kind: "GPU",
      bytes: profile.gpus * parseQuantity(profile.gpuMemory),
      field: "profile",
    };
  if (profile.gpus > 0 || profile.memory === undefined) return undefined;
  return { kind: "main", bytes: parseQuantity(profile.memory), field: "profile" };
}

/** One sentence with every single change that would be enough. */
function sayWhatFits(load: Load, roomBytes: number, need: (load: Load) => number): string {
  const fits = (change: Partial<Load>) => need({ ...load, ...change }) <= roomBytes;
  const context = largest(load.contextTokens, 64, contextTokens => fits({ contextTokens }));
  const slots = largest(load.slots, 1, slots => fits({ slots }));
  const kv = (["q8_0", "q4_0"] as const).find(type => fits({ kv: { keys: type, values: type } }));
  const ways = [
    ...(context === undefined ? [] : [`\`context: ${context}\``]),
    ...(slots === undefined ? [] : [`\`slots: ${slots}\``]),
    ...(kv === undefined ? [] : [`\`kv: {keys: ${kv}, values: ${kv}}\``]),
    `a profile with ${sayBytes(need(load))}`,
  ];
  return `It would fit with ${ways.join(", or ")}.`;
}

/** The largest number from `from` down to `to` that passes; passing is monotonous. */
function largest(from: number, to: number, passes: (value: number) => boolean): number | undefined {
  if (!passes(to)) return undefined;
  let low = to;
  let high = from;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (passes(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

function refuseSmallVolume(spec: ModelSpec, needBytes: number): void {
  const size = spec.storage?.size;
  if (size === undefined || spec.storage?.tier === "shared") return;
  if (parseQuantity(size) >= needBytes) return;
  throw new EngineError(
    "does_not_fit",
    `The weights of "${spec.name}" need a volume of ${sayBytes(needBytes)} and \`storage.size\` is ${size}.`,
    { field: "storage.size", remedy: `Leave \`storage.size\` out, or write a larger one.` },
  );
}
