/** What is known of the weights on disk: which source gave which blob, and digests that need not be computed again. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically } from "../kit/atomic-file.ts";
import type { Log } from "../telemetry/telemetry.ts";

/** A blob that a source gave. */
export interface FetchedWeights {
  sha256: string;
  bytes: number;
  /** What the server called this version of the file. */
  etag: string | undefined;
}

/** A digest that is right as long as size and time are. */
export interface KnownDigest {
  sha256: string;
  bytes: number;
  modifiedMs: number;
}

export interface WeightIndex {
  fetched(uri: string): FetchedWeights | undefined;
  digest(path: string): KnownDigest | undefined;
  setFetched(uri: string, weights: FetchedWeights | undefined): Promise<void>;
  setDigest(path: string, digest: KnownDigest | undefined): Promise<void>;
}

/** Paths and sources that are remembered at most; the oldest are forgotten and computed again. */
const entriesMax = 4096;

interface IndexFile {
  version: 1;
  fetched: Record<string, FetchedWeights>;
  digests: Record<string, KnownDigest>;
}

/** Reads `<folder>/index.json`; whatever is wrong with it costs only time, so it is begun anew. */
export async function openWeightIndex(folder: string, log: Log): Promise<WeightIndex> {
  const path = join(folder, "index.json");
  await mkdir(folder, { recursive: true });
  const text = await readFile(path, "utf8").catch(() => undefined);
  const known = text === undefined ? emptyIndex : parseIndex(text);
  if (known === undefined)
    log.warn("the index of the weights is unreadable and begun anew", { path });
  const fetched = new Map(Object.entries(known?.fetched ?? {}));
  const digests = new Map(Object.entries(known?.digests ?? {}));
  let writing: Promise<void> = Promise.resolve();

  const save = (): Promise<void> => {
    const write = async () => {
      const file = {
        version: 1,
        fetched: Object.fromEntries(fetched),
        digests: Object.fromEntries(digests),
      } satisfies IndexFile;
      await writeFileAtomically(path, `${JSON.stringify(file, undefined, 2)}\n`);
    };
    // Losing the index loses time only: a disk that is full must not fail a model that is whole.
    writing = writing.then(write).catch((error: Error) => {
      log.warn("the index of the weights could not be written", { path, error: error.message });
    });
    return writing;
  };

  return {
    fetched: uri => fetched.get(uri),
    digest: file => digests.get(file),
    setFetched(uri, weights) {
      put(fetched, uri, weights);
      return save();
    },
    setDigest(file, digest) {
      put(digests, file, digest);
      return save();
    },
  };
}

const emptyIndex: IndexFile = { version: 1, fetched: {}, digests: {} };

function put<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  map.delete(key);
  if (value !== undefined) map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > entriesMax && oldest !== undefined) map.delete(oldest);
}

function parseIndex(text: string): IndexFile | undefined {
  const value = parseJson(text);
  if (!isRecord(value) || value.version !== 1) return undefined;
  const { fetched, digests } = value;
  if (!isRecord(fetched) || !Object.values(fetched).every(isFetched)) return undefined;
  if (!isRecord(digests) || !Object.values(digests).every(isDigest)) return undefined;
  return {
    version: 1,
    fetched: fetched as Record<string, FetchedWeights>,
    digests: digests as Record<string, KnownDigest>,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isFetched(value: unknown): boolean {
  return isRecord(value) && isSha256(value.sha256) && typeof value.bytes === "number";
}

function isDigest(value: unknown): boolean {
  return isFetched(value) && isRecord(value) && typeof value.modifiedMs === "number";
}

function isSha256(value: unknown): boolean {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}
