/** ModelFiles over a folder: asks the source, keeps what it fetched by its digest, checks the header before anyone uses it. */
import { rm, stat } from "node:fs/promises";
import { EngineError } from "../contract/errors.ts";
import type { AdapterFile, ModelFile, ModelSpec, TransferProgress } from "../contract/model.ts";
import { parseSource, type Source } from "../contract/source.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../telemetry/telemetry.ts";
import { createBlobs } from "./blobs.ts";
import { refuseMisfit } from "./formats/gguf/adapter.ts";
import {
  type AdapterHeader,
  readAdapterFile,
  readGgufHeader,
  toModelFacts,
} from "./formats/gguf.ts";
import type { ModelFiles } from "./model-files.ts";
import { createSharedWork } from "./shared-work.ts";
import { createSources } from "./sources/index.ts";
import type { WeightRequest, WeightSources, Weights } from "./sources/source.ts";
import { openWeightIndex } from "./weight-index.ts";

export interface ModelFilesOptions {
  /** Where fetched weights are kept. */
  folder: string;
  /** Where the package's own models lie. */
  bundledFolder: string;
  fetch?: typeof fetch;
  /** The Hugging Face hub, or a mirror of it; the token is sent to this host only. */
  hub: { endpoint: string; token: string | undefined };
  clock: Clock;
  log: Log;
  /** Free bytes of the disk that holds `folder`; asked of the system when absent. */
  freeBytes?: (folder: string) => Promise<number>;
}

export function createModelFiles(options: ModelFilesOptions): ModelFiles {
  const shared = createSharedWork<ModelFile>();
  const sharedAdapters = createSharedWork<FetchedAdapter>();
  let opened: Promise<Opened> | undefined;
  // The folder is made when the first model is asked for; a failure is tried again with the next one.
  const open = () => {
    opened ??= openFolder(options).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  /** Fetches what is wanted and reads it; what is not usable is not kept, so that a mended upload is fetched anew. */
  const bring = async <T>(
    wanted: Wanted,
    onProgress: (progress: TransferProgress) => void,
    signal: AbortSignal,
    read: (weights: Weights) => Promise<T>,
  ): Promise<T> => {
    const { sources, forget } = await open();
    const { source: uri, sha256 } = wanted;
    const weights = await locate(sources, wanted, { uri, sha256, onProgress, signal });
    refuseOtherDigest(wanted, weights);
    return read(weights).catch(async (error: unknown) => {
      if (error instanceof EngineError) await forget(uri, weights);
      throw error;
    });
  };
  return {
    async resolve(spec, onProgress, signal) {
      const { adapters = [] } = spec;
      const own = { source: spec.source, sha256: spec.sha256, name: spec.name, field: "" };
      const file = await shared.join(keyOf(spec), onProgress, signal, (tell, together) =>
        bring(own, tell, together, weights => toModelFile(spec, weights)),
      );
      if (adapters.length === 0) return file;
      const model = await readGgufHeader(file.path);
      const { architecture } = model.requirements;
      const found: AdapterFile[] = [];
      for (const [index, adapter] of adapters.entries()) {
        const field = `adapters[${index}].`;
        const fetched = await sharedAdapters
          .join(keyOf(adapter), onProgress, signal, (tell, together) =>
            bring({ ...adapter, field }, tell, together, toFetchedAdapter),
          )
          .catch((error: unknown) => {
            throw atAdapter(error, field);
          });
        const about = { name: adapter.name, field: `${field}source` };
        refuseMisfit(fetched.header.adapter, { architecture, tensors: model.tensors }, about);
        const { path, sha256, bytes } = fetched;
        found.push({ path, sha256, bytes, name: adapter.name, scale: adapter.scale });
      }
      return { ...file, adapters: found };
    },
  };
}

interface FetchedAdapter extends Weights {
  bytes: number;
  header: AdapterHeader;
}

/** A file of a model, and by what part of the specification it is wanted: "" or `adapters[0].`. */
interface Wanted {
  source: string;
  sha256?: string | undefined;
  name: string;
  field: string;
}

function keyOf({ source, sha256 }: { source: string; sha256?: string | undefined }): string {
  return `${source} ${sha256 ?? ""}`;
}

async function toFetchedAdapter(weights: Weights): Promise<FetchedAdapter> {
  const header = await readAdapterFile(weights.path);
  return { ...weights, bytes: header.bytes, header };
}

/** Whatever is wrong with an adapter is said of its place in the specification. */
function atAdapter(error: unknown, place: string): unknown {
  if (!(error instanceof EngineError) || error.field?.startsWith("adapters")) return error;
  const { code, message, remedy } = error;
  const field = `${place}${error.field === "sha256" ? "sha256" : "source"}`;
  return new EngineError(code, message, { field, remedy, cause: error });
}

interface Opened {
  sources: WeightSources;
  /** Removes fetched weights; files that are used where they lie are left alone. */
  forget(uri: string, weights: Weights): Promise<void>;
}

async function openFolder(options: ModelFilesOptions): Promise<Opened> {
  const index = await openWeightIndex(options.folder, options.log).catch((error: Error) => {
    throw new EngineError(
      "invalid_config",
      `The folder of the weights, ${options.folder}, cannot be used: ${error.message}.`,
      {
        remedy: "Let the user that runs the engine write there, or choose another home.",
        cause: error,
      },
    );
  });
  const blobs = createBlobs({ ...options, index });
  const sources = createSources({ ...options, index, blobs });
  return {
    sources,
    async forget(uri, weights) {
      if (weights.path !== blobs.pathOf(weights.sha256)) return;
      options.log.warn("fetched weights are unusable and removed", { source: uri });
      await index.setFetched(uri, undefined);
      await index.setDigest(weights.path, undefined);
      await rm(weights.path, { force: true });
    },
  };
}

/** Each scheme has a type of its own, so the pairing is spelled out. */
function locate(sources: WeightSources, wanted: Wanted, request: WeightRequest): Promise<Weights> {
  const source: Source = parseSource(wanted.source);
  switch (source.scheme) {
    case "bundled":
      return sources.bundled(source, request);
    case "file":
      return sources.file(source, request);
    case "https":
      return sources.https(source, request);
    case "hf":
      return sources.hf(source, request);
    case "pvc":
    case "openai":
      throw noFile(source.scheme);
  }
}

/** Of these nothing is fetched: a pod mounts its claim and reads a `file:`, and a server of others has its own weights. */
function noFile(scheme: "pvc" | "openai"): EngineError {
  const message = `\`${scheme}:\` is no file for this engine.`;
  const remedy =
    scheme === "pvc"
      ? "Use `file:` here; claims are for clusters."
      : "Use it where a gateway serves.";
  return new EngineError("invalid_config", message, { field: "source", remedy });
}

function refuseOtherDigest(wanted: Wanted, weights: Weights): void {
  if (wanted.sha256 === undefined || wanted.sha256 === weights.sha256) return;
  throw new EngineError(
    "invalid_model_file",
    `The weights of "${wanted.name}" have the SHA-256 ${weights.sha256}, and ${wanted.sha256} is asked for.`,
    {
      field: `${wanted.field}sha256`,
      remedy: "Correct `sha256`, or name the `source` that has these weights.",
    },
  );
}

async function toModelFile(spec: ModelSpec, weights: Weights): Promise<ModelFile> {
  const header = await readGgufHeader(weights.path);
  const { size, mtimeMs } = await stat(weights.path);
  const facts = toModelFacts(header, spec.name);
  return { ...weights, bytes: size, modifiedMs: mtimeMs, facts };
}
