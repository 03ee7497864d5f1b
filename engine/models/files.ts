/** ModelFiles over a folder: asks the source, keeps what it fetched by its digest, checks the header before anyone uses it. */
import { rm, stat } from "node:fs/promises";
import { EngineError } from "../contract/errors.ts";
import type { ModelFile, ModelSpec } from "../contract/model.ts";
import { parseSource, type Source } from "../contract/source.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../telemetry/telemetry.ts";
import { createBlobs } from "./blobs.ts";
import { readGgufHeader, toModelFacts } from "./formats/gguf.ts";
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
  let opened: Promise<Opened> | undefined;
  // The folder is made when the first model is asked for; a failure is tried again with the next one.
  const open = () => {
    opened ??= openFolder(options).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return {
    resolve(spec, onProgress, signal) {
      const key = `${spec.source} ${spec.sha256 ?? ""}`;
      return shared.join(key, onProgress, signal, async (tell, together) => {
        const { sources, forget } = await open();
        const request = {
          uri: spec.source,
          sha256: spec.sha256,
          onProgress: tell,
          signal: together,
        };
        const weights = await locate(sources, parseSource(spec.source), request);
        refuseOtherDigest(spec, weights);
        return toModelFile(spec, weights).catch(async (error: unknown) => {
          // What is not usable is not kept, so that a mended upload is fetched anew.
          if (error instanceof EngineError) await forget(spec.source, weights);
          throw error;
        });
      });
    },
  };
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
function locate(sources: WeightSources, source: Source, request: WeightRequest): Promise<Weights> {
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

function refuseOtherDigest(spec: ModelSpec, weights: Weights): void {
  if (spec.sha256 === undefined || spec.sha256 === weights.sha256) return;
  throw new EngineError(
    "invalid_model_file",
    `The weights of "${spec.name}" have the SHA-256 ${weights.sha256}, and ${spec.sha256} is asked for.`,
    { field: "sha256", remedy: "Correct `sha256`, or name the `source` that has these weights." },
  );
}

async function toModelFile(spec: ModelSpec, weights: Weights): Promise<ModelFile> {
  const header = await readGgufHeader(weights.path);
  const { size, mtimeMs } = await stat(weights.path);
  const facts = toModelFacts(header, spec.name);
  return { ...weights, bytes: size, modifiedMs: mtimeMs, facts };
}
