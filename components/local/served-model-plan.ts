/** What is to be done about a served model, decided from its inputs and what the engine says of it. */
import type { JsonValue } from "../../engine/contract/chat.ts";
import { ModelSpec, type ModelStatus } from "../../engine/contract/model.ts";
import { changedKeys, hasUnknown, isEqual, type PropertyMap } from "./property-values.ts";

export interface ServedModelInputs {
  home: string;
  /** Of the main API. */
  endpoint: string;
  /** Of the process that serves it: a new process is told anew. */
  instance: string;
  spec: ModelSpec;
}

export const servedModelInputs = ["home", "endpoint", "instance", "spec"] as const;

/** Whether the inputs alone say that the model changes; `ask` = the engine must be asked. */
export function planModelDiff(olds: PropertyMap, news: PropertyMap): "changed" | "ask" {
  if (hasUnknown(news)) return "changed";
  return changedKeys(olds, news, servedModelInputs).length > 0 ? "changed" : "ask";
}

/** Whether what the engine serves is what the stack wants; a model that rests or is being loaded again is. */
export function isAsWanted(spec: JsonValue, status: ModelStatus | undefined): boolean {
  if (status === undefined || status.owner !== "stack") return false;
  if (!["ready", "loading", "unloaded"].includes(status.state)) return false;
  return isEqual(normalSpec(spec), normalSpec(status.spec as unknown as JsonValue));
}

/** With every default written out, so that two ways to say the same are equal. */
function normalSpec(spec: JsonValue): JsonValue {
  const parsed = ModelSpec.safeParse(spec);
  return parsed.success ? (JSON.parse(JSON.stringify(parsed.data)) as JsonValue) : spec;
}

/** What the state keeps of a status: nothing that changes by itself. */
export function toModelOutputs(status: ModelStatus): PropertyMap {
  return {
    state: status.state,
    ...(status.file === undefined ? {} : { sha256: status.file.sha256, bytes: status.file.bytes }),
    ...(status.contextTokens === undefined ? {} : { contextTokens: status.contextTokens }),
  };
}

/** One line for the display: `fetching 12.5 of 340.0 MB (3 %)`. */
export function describeStatus(status: ModelStatus): string {
  const { state, progress } = status;
  if (progress === undefined) return state;
  const { completedBytes, totalBytes } = progress;
  if (totalBytes === undefined) return `${state} ${toMegabytes(completedBytes)} MB`;
  const percent = totalBytes === 0 ? 100 : Math.floor((100 * completedBytes) / totalBytes);
  return `${state} ${toMegabytes(completedBytes)} of ${toMegabytes(totalBytes)} MB (${percent} %)`;
}

function toMegabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}
