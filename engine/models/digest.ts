/** SHA-256 of files, without holding them in memory. */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { EngineError } from "../contract/errors.ts";
import type { TransferProgress } from "../contract/model.ts";

/** Feeds the first `bytes` bytes of the file at `path` into `hash`; stops early when `signal` aborts. */
export async function feedFile(
  hash: Hash,
  path: string,
  bytes: number,
  onProgress: (progress: TransferProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  if (bytes === 0) return;
  let completedBytes = 0;
  const stream = createReadStream(path, { end: bytes - 1, highWaterMark: 1024 * 1024 });
  for await (const chunk of stream) {
    if (signal.aborted) throw cancelled();
    hash.update(chunk);
    completedBytes += chunk.length;
    onProgress({ completedBytes, totalBytes: bytes });
  }
}

/** Hexadecimal digest of the file's first `bytes` bytes. */
export async function digestFile(
  path: string,
  bytes: number,
  onProgress: (progress: TransferProgress) => void,
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash("sha256");
  await feedFile(hash, path, bytes, onProgress, signal);
  return hash.digest("hex");
}

export function cancelled(): EngineError {
  return new EngineError("cancelled", "Fetching the model was cancelled.");
}
