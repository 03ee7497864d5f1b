/** The layers as folders on disk, for builders that copy (`engine/Dockerfile`) instead of an archive. */
import { chmod, copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ImageLayer } from "./content.ts";
import { sortEntries, type TarEntry } from "./tar.ts";

/** Writes every layer into a folder of its name; owners are whoever runs this, and the builder's to set. */
export async function writeFolders(layers: readonly ImageLayer[], folder: string): Promise<void> {
  for (const layer of layers) {
    for (const entry of sortEntries(layer.entries))
      await writeEntry(entry, join(folder, layer.name, entry.path));
  }
}

async function writeEntry({ mode, content }: TarEntry, path: string): Promise<void> {
  await mkdir(content.kind === "folder" ? path : dirname(path), { recursive: true });
  if (content.kind === "link") return await symlink(content.target, path);
  if (content.kind === "bytes") await writeFile(path, content.bytes);
  if (content.kind === "file") await copyFile(content.source, path);
  await chmod(path, mode);
}
