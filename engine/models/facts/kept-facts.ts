/** Headers that were read once, in a folder: a second preview asks the server only whether the file is still the same. */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { limits } from "../../contract/limits.ts";
import type { ModelFacts } from "../../contract/model.ts";
import type { ModelShape } from "../../contract/platform.ts";
import type { RemoteIdentity } from "./remote-header.ts";

export interface KeptFacts {
  shape: ModelShape;
  facts: ModelFacts;
  identity: RemoteIdentity;
}

export interface FactsFolder {
  find(key: string): Promise<KeptFacts | undefined>;
  keep(key: string, kept: KeptFacts): Promise<void>;
}

/** Bumped when shape or facts mean something else; other versions are read anew. */
const version = 1;

/** Longer templates than any real one are not held in memory, so that strangers' files cannot fill it. */
const templateKeptMax = 65_536;

/** In memory alone when there is no folder. Whatever the disk refuses costs a second reading and nothing else. */
export function openFactsFolder(folder: string | undefined): FactsFolder {
  const memory = new Map<string, KeptFacts>();
  const pathOf = (key: string) =>
    folder && join(folder, `${createHash("sha256").update(key).digest("hex")}.json`);
  return {
    async find(key) {
      const path = pathOf(key);
      return memory.get(key) ?? (path ? await readKept(path) : undefined);
    },
    async keep(key, kept) {
      if (memory.size >= limits.factsKeptMax) memory.clear();
      if ((kept.facts.chatTemplate?.length ?? 0) <= templateKeptMax) memory.set(key, kept);
      const path = pathOf(key);
      if (folder && path) await writeKept(folder, path, kept).catch(() => undefined);
    },
  };
}

async function readKept(path: string): Promise<KeptFacts | undefined> {
  try {
    const entry = JSON.parse(await readFile(path, "utf8")) as { version: number; kept: KeptFacts };
    return entry.version === version ? entry.kept : undefined;
  } catch {
    return undefined;
  }
}

async function writeKept(folder: string, path: string, kept: KeptFacts): Promise<void> {
  await mkdir(folder, { recursive: true });
  const draft = `${path}.${process.pid}.draft`;
  await writeFile(draft, JSON.stringify({ version, kept }));
  await rename(draft, path);
  await forgetOldest(folder);
}

async function forgetOldest(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter(name => name.endsWith(".json"));
  if (names.length <= limits.factsKeptMax) return;
  const entries = await Promise.all(
    names.map(async name => ({ name, time: (await stat(join(folder, name))).mtimeMs })),
  );
  entries.sort((a, b) => a.time - b.time);
  for (const { name } of entries.slice(0, names.length - limits.factsKeptMax))
    await rm(join(folder, name), { force: true });
}
