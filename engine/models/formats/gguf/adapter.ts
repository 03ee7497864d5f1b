/** What llama.cpp wants of a LoRA adapter, and whether it fits the model that it is for. */
import { EngineError } from "../../../contract/errors.ts";
import { limits } from "../../../contract/limits.ts";
import type { Cursor } from "./cursor.ts";
import { type Metadata, shorten } from "./metadata.ts";
import type { TensorInfo } from "./tensors.ts";

/** A low-rank change of one matrix of the model: `b · a`. */
export interface AdapterPair {
  /** The tensor that it changes. */
  target: string;
  rank: number;
  /** Width and height of what it changes. */
  columns: number;
  rows: number;
}

export interface Adapter {
  architecture: string;
  pairs: readonly AdapterPair[];
}

/** @throws EngineError invalid_model_file */
export function checkAdapter(
  cursor: Cursor,
  metadata: Metadata,
  tensors: readonly TensorInfo[],
): Adapter {
  const text = (key: string) => {
    const value = metadata.get(key)?.value;
    return typeof value === "string" ? value : "";
  };
  if (text("general.type") !== "adapter")
    throw cursor.wrong(
      "it holds no adapter (general.type)",
      "Name a LoRA adapter in GGUF, such as convert_lora_to_gguf.py writes.",
    );
  if (text("adapter.type") !== "lora")
    throw cursor.wrong(`its adapter is of the kind "${shorten(text("adapter.type"))}", not "lora"`);
  if (typeof metadata.get("adapter.lora.alpha")?.value !== "number")
    throw cursor.wrong('the key "adapter.lora.alpha" is missing');
  if (metadata.has("adapter.alora.invocation_tokens"))
    throw cursor.wrong("it works from certain tokens on only, which is not served here");
  const architecture = text("general.architecture");
  if (architecture === "") throw cursor.wrong('the key "general.architecture" is missing');
  return { architecture, pairs: toPairs(cursor, tensors) };
}

function toPairs(cursor: Cursor, tensors: readonly TensorInfo[]): AdapterPair[] {
  const halves = new Map<string, { a?: TensorInfo; b?: TensorInfo }>();
  for (const tensor of tensors) {
    const [, target = "", half] = /^(.+)\.lora_(a|b)$/.exec(tensor.name) ?? [];
    if (half === undefined)
      throw cursor.wrong(`tensor "${tensor.name}" is neither a lora_a nor a lora_b`);
    halves.set(target, { ...halves.get(target), [half]: tensor });
  }
  if (halves.size === 0) throw cursor.wrong("it holds no tensors");
  return [...halves].map(([target, pair]) => toPair(cursor, target, pair));
}

function toPair(
  cursor: Cursor,
  target: string,
  { a, b }: { a?: TensorInfo; b?: TensorInfo },
): AdapterPair {
  if (a === undefined || b === undefined)
    throw cursor.wrong(`"${target}" has a lora_${a ? "a" : "b"} and no lora_${a ? "b" : "a"}`);
  if (a.dimensions.length > 2 || b.dimensions.length > 2)
    throw cursor.wrong(`"${target}" is changed by tensors of more than two dimensions`);
  const [aColumns = 1, aRows = 1] = a.dimensions;
  const [bColumns = 1, bRows = 1] = b.dimensions;
  // A matrix of embeddings is looked up by its rows, so its first factor is written the other way round.
  const isLookedUp = target === "token_embd.weight";
  const rank = isLookedUp ? aColumns : aRows;
  if (rank !== bColumns)
    throw cursor.wrong(`"${target}" has a lora_a of rank ${rank} and a lora_b of rank ${bColumns}`);
  if (rank > limits.adapterRankMax)
    throw cursor.wrong(`"${target}" has the rank ${rank}, more than ${limits.adapterRankMax}`);
  return isLookedUp
    ? { target, rank, columns: bRows, rows: aRows }
    : { target, rank, columns: aColumns, rows: bRows };
}

export interface AdaptedModel {
  architecture: string;
  tensors: readonly TensorInfo[];
}

/** Why the adapter cannot be applied to the model; undefined when it can. */
export function describeMisfit(adapter: Adapter, model: AdaptedModel): string | undefined {
  if (adapter.architecture !== model.architecture)
    return `it is for the architecture "${shorten(adapter.architecture)}", and the model is a "${model.architecture}"`;
  const tensors = new Map(model.tensors.map(tensor => [tensor.name, tensor]));
  for (const { target, columns, rows } of adapter.pairs) {
    const tensor = tensors.get(target);
    if (tensor === undefined) return `it changes "${shorten(target)}", which the model has not`;
    const [width = 1, height = 1] = tensor.dimensions;
    if (width !== columns || height !== rows)
      return `it changes "${shorten(target)}" as ${columns} × ${rows}, which is ${width} × ${height} in the model`;
  }
  return undefined;
}

/** @throws EngineError invalid_model_file at `field` */
export function refuseMisfit(
  adapter: Adapter,
  model: AdaptedModel,
  about: { name: string; field: string },
): void {
  const misfit = describeMisfit(adapter, model);
  if (misfit === undefined) return;
  throw new EngineError(
    "invalid_model_file",
    `The adapter "${about.name}" does not fit its model: ${misfit}.`,
    { field: about.field, remedy: "Name an adapter that was made for this very model." },
  );
}
