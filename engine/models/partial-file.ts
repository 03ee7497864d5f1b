/** A file that is still coming: its bytes, their running digest, and how far it would survive a power cut. */
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFolder, writeFileAtomically } from "../kit/atomic-file.ts";
import { feedFile } from "./digest.ts";

/** Which version of the remote file the bytes belong to. */
export interface Identity {
  etag: string | undefined;
  sha256: string | undefined;
}

export interface PartialFile {
  bytes(): number;
  identity(): Identity;
  append(chunk: Uint8Array): Promise<void>;
  /** Throws the bytes away; what comes next belongs to `identity`. */
  restart(identity: Identity): Promise<void>;
  digest(): string;
  /** Makes what is there survive, so that a later attempt goes on from here. */
  keep(): Promise<void>;
  /** The file is whole: gives it its name. The partial file is closed and gone. */
  finish(path: string): Promise<void>;
  /** Removes everything. */
  discard(): Promise<void>;
  close(): Promise<void>;
}

/** After a crash at most this much is fetched again. */
const checkpointBytes = 64 * 1024 * 1024;

interface Checkpoint extends Identity {
  bytes: number;
}

/** Opens the partial file at `path`; what an earlier attempt kept of it is hashed again. */
export async function openPartialFile(path: string, signal: AbortSignal): Promise<PartialFile> {
  await mkdir(dirname(path), { recursive: true });
  const notes = `${path}.json`;
  const kept = await readCheckpoint(notes, path);
  const file = await open(path, kept.bytes > 0 ? "r+" : "w");
  let identity: Identity = { etag: kept.etag, sha256: kept.sha256 };
  let bytes = kept.bytes;
  let checkpoint = bytes;
  let hash: Hash = createHash("sha256");
  if (bytes > 0) {
    await cut(file, bytes);
    await feedFile(hash, path, bytes, () => undefined, signal);
  }

  const keep = async () => {
    await file.datasync();
    await writeFileAtomically(notes, JSON.stringify({ bytes, ...identity } satisfies Checkpoint));
    checkpoint = bytes;
  };
  const close = () => file.close().catch(() => undefined);

  return {
    bytes: () => bytes,
    identity: () => identity,
    async append(chunk) {
      for (let written = 0; written < chunk.length; )
        written += (await file.write(chunk, written, chunk.length - written, bytes + written))
          .bytesWritten;
      hash.update(chunk);
      bytes += chunk.length;
      if (bytes - checkpoint >= checkpointBytes) await keep();
    },
    async restart(next) {
      identity = next;
      hash = createHash("sha256");
      if (bytes > 0) await cut(file, 0);
      bytes = 0;
      checkpoint = 0;
      await rm(notes, { force: true });
    },
    digest: () => hash.copy().digest("hex"),
    keep,
    async finish(target) {
      await file.sync();
      await file.close();
      await mkdir(dirname(target), { recursive: true });
      await rename(path, target);
      await syncFolder(dirname(target));
      await rm(notes, { force: true });
    },
    async discard() {
      await close();
      await rm(path, { force: true });
      await rm(notes, { force: true });
    },
    close,
  };
}

async function cut(file: FileHandle, bytes: number): Promise<void> {
  await file.truncate(bytes);
}

/** What an earlier attempt kept, unless the notes and the file disagree. */
async function readCheckpoint(notes: string, path: string): Promise<Checkpoint> {
  const none = { bytes: 0, etag: undefined, sha256: undefined };
  try {
    const value: Partial<Checkpoint> = JSON.parse(await readFile(notes, "utf8"));
    const { size } = await stat(path);
    const isSound = Number.isSafeInteger(value.bytes) && (value.bytes ?? -1) <= size;
    return isSound ? { ...none, ...value } : none;
  } catch {
    return none;
  }
}
