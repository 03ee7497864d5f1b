/** What the home's models.json keeps of an engine that is no more: clients' models stay, the stack's come anew from the stack. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { homeLayout } from "../../engine/contract/endpoints.ts";
import { writeFileAtomically } from "./atomic-file.ts";

/**
 * Called before a new engine starts and after the old one ended: each model of the stack is put again, and one
 * that left the stack while no engine ran must not come back. An unreadable file is left for the engine to judge.
 */
export function forgetStackModels(home: string): void {
  const path = join(home, homeLayout.models);
  const text = readText(path);
  const kept = text === undefined ? undefined : withoutStackModels(text);
  if (kept !== undefined && kept !== text) writeFileAtomically(path, kept);
}

/** The text of a models.json without the models that a stack owns; undefined when it is not understood. */
export function withoutStackModels(text: string): string | undefined {
  try {
    const record = JSON.parse(text) as { models?: { owner?: string }[] };
    if (!Array.isArray(record.models)) return undefined;
    const models = record.models.filter(model => model.owner !== "stack");
    if (models.length === record.models.length) return text;
    return `${JSON.stringify({ ...record, models }, null, 2)}\n`;
  } catch {
    return undefined;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
