/** Files on this disk with their digests, computed once a version of the file. */
import { open, stat } from "node:fs/promises";
import { EngineError } from "../contract/errors.ts";
import { digestFile } from "./digest.ts";
import type { WeightRequest, Weights } from "./sources/source.ts";
import type { WeightIndex } from "./weight-index.ts";

/**
 * The file at `path` where it lies, with its digest; `label` is what messages call it.
 * @throws EngineError invalid_config when it is missing, no file, or unreadable
 */
export async function useFile(
  path: string,
  label: string,
  request: WeightRequest,
  index: WeightIndex,
): Promise<Weights> {
  const { size, mtimeMs } = await statFile(path, label);
  const known = index.digest(path);
  if (known?.bytes === size && known.modifiedMs === mtimeMs) return { path, sha256: known.sha256 };
  const sha256 = await digestFile(path, size, request.onProgress, request.signal);
  await index.setDigest(path, { sha256, bytes: size, modifiedMs: mtimeMs });
  return { path, sha256 };
}

async function statFile(path: string, label: string) {
  const wrong = (what: string, remedy: string) =>
    new EngineError("invalid_config", `${label} ${what}.`, { field: "source", remedy });
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR")
      throw wrong(
        "does not exist",
        "Correct the path in the model's `source`, or put the file there.",
      );
    throw wrong(`cannot be read (${error.code})`, readable);
  });
  if (!found.isFile())
    throw wrong(
      found.isDirectory() ? "is a folder and no file" : "is no regular file",
      "Name one GGUF file in the model's `source`.",
    );
  const opened = await open(path, "r").catch(() => {
    throw wrong("may not be read by the engine's user", readable);
  });
  await opened.close();
  return found;
}

const readable = "Let the user that runs the engine read the file and its folders.";
