/** Writes a file so that a reader, or a machine that loses power, finds the old text or the new one and nothing between. */
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Resolves when the new text would survive a power cut. One writer a path at a time. */
export async function writeFileAtomically(
  path: string,
  text: string,
  options: { mode?: number } = {},
): Promise<void> {
  const draft = `${path}.draft`;
  try {
    const file = await open(draft, "w", options.mode ?? 0o644);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Makes renames inside `folder` durable; systems that cannot open a folder do not need it. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  if (handle === undefined) return;
  await handle.sync().catch(() => undefined);
  await handle.close();
}
