/** Fetched weights by their digest: `blobs/sha256-<hex>`, and `partial/` for what is still coming. */
import { createHash } from "node:crypto";
import { rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../telemetry/telemetry.ts";
import { digestFile } from "./digest.ts";
import { download, type OpenRemote } from "./download.ts";
import { openPartialFile } from "./partial-file.ts";
import type { WeightRequest, Weights } from "./sources/source.ts";
import type { WeightIndex } from "./weight-index.ts";

export interface Blobs {
  pathOf(sha256: string): string;
  /** The weights that the source gave before, or now through `open`. */
  fetch(request: WeightRequest, open: OpenRemote): Promise<Weights>;
}

export interface BlobsOptions {
  folder: string;
  index: WeightIndex;
  clock: Clock;
  log: Log;
  freeBytes?: (folder: string) => Promise<number>;
}

export function createBlobs(options: BlobsOptions): Blobs {
  const { folder, index, clock, log } = options;
  const pathOf = (sha256: string) => join(folder, "blobs", `sha256-${sha256}`);
  const partialOf = (uri: string) =>
    join(folder, "partial", createHash("sha256").update(uri).digest("hex").slice(0, 32));

  /** Whether the blob is there and whole; one that rotted is removed. */
  const isIntact = async (sha256: string, request: WeightRequest): Promise<boolean> => {
    const path = pathOf(sha256);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) return false;
    const known = index.digest(path);
    if (known?.bytes === found.size && known.modifiedMs === found.mtimeMs)
      return known.sha256 === sha256;
    const digest = await digestFile(path, found.size, request.onProgress, request.signal);
    if (digest === sha256) {
      await index.setDigest(path, { sha256, bytes: found.size, modifiedMs: found.mtimeMs });
      return true;
    }
    log.warn("weights on disk have changed and are fetched again", { path });
    await rm(path, { force: true });
    return false;
  };

  const ensureSpace = async (bytes: number) => {
    const free = await (options.freeBytes ?? askFreeBytes)(folder);
    if (free < bytes + limits.diskReserveBytes) throw diskFull(folder, bytes, free);
  };

  const remember = async (sha256: string, etag: string | undefined, request: WeightRequest) => {
    const { size, mtimeMs } = await stat(pathOf(sha256));
    await index.setDigest(pathOf(sha256), { sha256, bytes: size, modifiedMs: mtimeMs });
    await index.setFetched(request.uri, { sha256, bytes: size, etag });
  };

  const receive = async (request: WeightRequest, open: OpenRemote): Promise<string> => {
    const partial = await openPartialFile(partialOf(request.uri), request.signal);
    try {
      const isKnown = (sha256: string) => isIntact(sha256, request);
      const sha256 = await download({ request, open, partial, clock, ensureSpace, isKnown });
      if (await isKnown(sha256)) await partial.discard();
      else await partial.finish(pathOf(sha256));
      await remember(sha256, partial.identity().etag, request);
      return sha256;
    } catch (error) {
      // A full disk gets its bytes back, because memory is written to it as well; otherwise the next attempt goes on from here.
      if (isFull(error) || partial.bytes() === 0) await partial.discard();
      else await partial.keep().catch(() => undefined);
      throw error;
    } finally {
      await partial.close();
    }
  };

  return {
    pathOf,
    async fetch(request, open) {
      const known = request.sha256 ?? index.fetched(request.uri)?.sha256;
      if (known !== undefined && (await isIntact(known, request)))
        return { path: pathOf(known), sha256: known };
      const sha256 = await receive(request, open).catch((error: unknown) => {
        throw toDiskError(folder, error);
      });
      return { path: pathOf(sha256), sha256 };
    },
  };
}

async function askFreeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** An error of the file system as a sentence; others as they are. */
function toDiskError(folder: string, error: unknown): unknown {
  if (error instanceof EngineError || !(error instanceof Error) || !("code" in error)) return error;
  if (isFull(error)) return diskFull(folder);
  return new EngineError(
    "invalid_config",
    `Weights cannot be written to ${folder} (${error.code}).`,
    {
      remedy: "Let the user that runs the engine write there, or choose another home.",
      cause: error,
    },
  );
}

function isFull(error: unknown): boolean {
  if (error instanceof EngineError) return error.code === "disk_full";
  return (
    error instanceof Error && "code" in error && ["ENOSPC", "EDQUOT"].includes(`${error.code}`)
  );
}

function diskFull(folder: string, bytes?: number, free?: number): EngineError {
  const numbers =
    bytes === undefined || free === undefined
      ? ""
      : `: ${bytes} more bytes are wanted, ${free} are free and ${limits.diskReserveBytes} of them stay free for memory`;
  return new EngineError("disk_full", `The disk of ${folder} has no room for the model${numbers}.`);
}
