/** Writes rendered files into a folder and takes away those of an earlier rendering that are no more; what others put there stays. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { EngineError } from "../../engine/contract/errors.ts";
import { markOf, type RenderedFiles, secretsFile } from "./rendered-files.ts";

export interface FolderChanges {
  written: string[];
  unchanged: string[];
  removed: string[];
}

/** @throws EngineError conflict when a file of that name is not of an earlier rendering of the stack */
export function writeRendering(folder: string, files: RenderedFiles, stack: string): FolderChanges {
  mkdirSync(folder, { recursive: true });
  const changes: FolderChanges = { written: [], unchanged: [], removed: [] };
  for (const name of files.keys()) refuseForeign(folder, name, stack);
  for (const [name, text] of files) {
    const path = join(folder, name);
    const isSame = existsSync(path) && readFileSync(path, "utf8") === text;
    changes[isSame ? "unchanged" : "written"].push(name);
    if (!isSame) writeWhole(folder, name, text);
  }
  for (const name of readdirSync(folder).sort()) {
    if (files.has(name) || !isOurName(name) || !isOurs(join(folder, name), stack)) continue;
    rmSync(join(folder, name));
    changes.removed.push(name);
  }
  return changes;
}

/** Whole or not at all, and in the folder itself: a link of that name is replaced, not followed. */
function writeWhole(folder: string, name: string, text: string): void {
  const draft = join(folder, `.${name}.draft`);
  rmSync(draft, { force: true });
  writeFileSync(draft, text, { flag: "wx" });
  renameSync(draft, join(folder, name));
}

function refuseForeign(folder: string, name: string, stack: string): void {
  const path = join(folder, name);
  if (!existsSync(path) || isOurs(path, stack)) return;
  throw new EngineError("conflict", `${path} was not rendered from the stack "${stack}"`, {
    remedy: "Name another folder with --out, or move that file away.",
  });
}

function isOurName(name: string): boolean {
  return name === secretsFile || /^\d\d-[a-z]+-.+\.yaml$/.test(name);
}

function isOurs(path: string, stack: string): boolean {
  const [first = ""] = readFileSync(path, "utf8").split("\n", 1);
  return first.includes(markOf(stack));
}
