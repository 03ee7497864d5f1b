/** What the headers of a stack's models say, for its plan: read a few at a time, or taken from a file that was kept. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { EngineError } from "../../engine/contract/errors.ts";
import { limits } from "../../engine/contract/limits.ts";
import type { ModelSpec } from "../../engine/contract/model.ts";
import {
  createModelFactsReader,
  type FactsReading,
  type ModelFactsReader,
} from "../../engine/models/facts.ts";

/** By source; a source that was refused has the error. */
export type Readings = ReadonlyMap<string, FactsReading | EngineError>;

export interface ReadingsOptions {
  hub: { endpoint: string; token: string | undefined };
  cacheFolder: string;
  signal: AbortSignal;
}

const bundledFolder = fileURLToPath(new URL("../../engine/models/bundled", import.meta.url));

export async function readFacts(
  models: readonly ModelSpec[],
  options: ReadingsOptions,
  known: Readings = new Map(),
): Promise<Readings> {
  const { hub, cacheFolder, signal } = options;
  const reader = createModelFactsReader({ bundledFolder, hub, cacheFolder, guard: "none" });
  const readings = new Map(known);
  const wanted = sourcesOf(models).filter(source => !readings.has(source));
  const take = async (): Promise<void> => {
    for (let next = wanted.shift(); next !== undefined; next = wanted.shift())
      readings.set(next, await readOne(reader, next, signal));
  };
  await Promise.all(Array.from({ length: limits.fetchesMax }, take));
  return readings;
}

/** Of the models and of their canaries, each once. */
function sourcesOf(models: readonly ModelSpec[]): string[] {
  const all = models.flatMap(({ source, canary }) => (canary ? [source, canary.source] : [source]));
  return [...new Set(all)];
}

async function readOne(
  reader: ModelFactsReader,
  source: string,
  signal: AbortSignal,
): Promise<FactsReading | EngineError> {
  try {
    return await reader.read(source, signal);
  } catch (error) {
    if (error instanceof EngineError && error.code !== "cancelled") return error;
    throw error;
  }
}

/** The readings that a file holds, by source; none where there is no file yet. */
export function openFactsFile(path: string): Readings {
  if (!existsSync(path)) return new Map();
  try {
    const { version, readings } = JSON.parse(readFileSync(path, "utf8"));
    if (version === 1) return new Map(Object.entries(readings as Record<string, FactsReading>));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  throw new EngineError("invalid_config", `${path} holds no facts of models`, {
    remedy: "Remove the file; it is written anew.",
  });
}

/** Keeps what was read, in the order of the sources, so that the same facts are the same file. */
export function writeFactsFile(path: string, readings: Readings): void {
  const known = [...readings].filter(([, reading]) => "shape" in reading && reading.shape);
  known.sort(([a], [b]) => (a < b ? -1 : 1));
  const content = { version: 1, readings: Object.fromEntries(known) };
  writeFileSync(path, `${JSON.stringify(content, null, 2)}\n`);
}
