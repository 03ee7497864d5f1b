/** `<home>/models.json`: what should be served besides the configuration, and who asked for it. */
import { readFile, rename } from "node:fs/promises";
import { toFieldProblems } from "../../contract/config.ts";
import { EngineError } from "../../contract/errors.ts";
import { ModelRecord } from "../../contract/model.ts";
import { writeFileAtomically } from "../../kit/atomic-file.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../telemetry/telemetry.ts";

export interface RecordOptions {
  path: string;
  clock: Clock;
  log: Log;
}

/**
 * The recorded models. A file that cannot be understood is set aside under another name and said so;
 * of one with wrong entries the right ones are kept.
 * @throws EngineError invalid_config when the file is there and may not be read
 */
export async function readRecord(options: RecordOptions): Promise<ModelRecord[]> {
  const text = await readFile(options.path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined;
    throw new EngineError("invalid_config", `${options.path} cannot be read (${cause.code}).`, {
      remedy: "Let the user that runs the engine read and write it.",
      cause,
    });
  });
  if (text === undefined) return [];
  const { models, problems } = parseRecord(text);
  if (problems.length > 0) await setAside(options, problems);
  return models;
}

/** What of the text is a record, and what is wrong with the rest. */
function parseRecord(text: string): { models: ModelRecord[]; problems: string[] } {
  const entries = toEntries(text);
  if (entries === undefined) return { models: [], problems: ["it is no record of models"] };
  const models: ModelRecord[] = [];
  const problems: string[] = [];
  for (const [index, entry] of entries.entries()) {
    const result = ModelRecord.safeParse(entry);
    if (result.success) models.push(result.data);
    else
      for (const { field, message } of toFieldProblems(result.error))
        problems.push(`models[${index}].${field}: ${message}`);
  }
  return { models, problems };
}

function toEntries(text: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("models" in value)) return undefined;
    return Array.isArray(value.models) ? value.models : undefined;
  } catch {
    return undefined;
  }
}

async function setAside(options: RecordOptions, problems: readonly string[]): Promise<void> {
  const { path, clock, log } = options;
  const kept = `${path}.wrong-${clock.now()}`;
  await rename(path, kept);
  log.error(
    "the record of served models is wrong; it is kept aside and what is right in it goes on",
    {
      path,
      kept,
      problems: problems.slice(0, 8).join("; "),
    },
  );
}

/** @throws EngineError disk_full, internal */
export async function writeRecord(path: string, models: readonly ModelRecord[]): Promise<void> {
  const text = `${JSON.stringify({ version: 1, models }, undefined, 2)}\n`;
  await writeFileAtomically(path, text).catch((cause: NodeJS.ErrnoException) => {
    const code = cause.code === "ENOSPC" || cause.code === "EDQUOT" ? "disk_full" : "internal";
    throw new EngineError(
      code,
      `${path} could not be written (${cause.code}); nothing was changed.`,
      {
        cause,
      },
    );
  });
}
