/** The sources there are, by scheme. */
import type { Blobs } from "../blobs.ts";
import type { WeightIndex } from "../weight-index.ts";
import { createBundledSource } from "./bundled.ts";
import { createFileSource } from "./file.ts";
import { createHfSource } from "./hf.ts";
import { createHttpsSource } from "./https.ts";
import type { WeightSources } from "./source.ts";

export interface SourceOptions {
  bundledFolder: string;
  fetch?: typeof fetch;
  hub: { endpoint: string; token: string | undefined };
  index: WeightIndex;
  blobs: Blobs;
}

export function createSources(options: SourceOptions): WeightSources {
  const { blobs, hub, index } = options;
  const call = options.fetch ?? fetch;
  return {
    bundled: createBundledSource(options.bundledFolder, index),
    file: createFileSource(index),
    https: createHttpsSource(blobs, call),
    hf: createHfSource(blobs, call, hub),
  };
}
