/** How a pod comes by a model's weights: fetched, mounted, or there already. */
import type { ModelSpec } from "../contract/model.ts";
import { parseSource, type Source } from "../contract/source.ts";

export type WeightsKind =
  /** Fetched over the network into the model's storage. */
  | "fetched"
  /** In the engine's image. */
  | "included"
  /** On a volume claim of the namespace. */
  | "claim"
  /** In an image volume. */
  | "image"
  /** With another server: there are no pods. */
  | "elsewhere";

export function weightsKind(spec: Pick<ModelSpec, "source" | "storage">): WeightsKind {
  const { scheme } = parseSource(spec.source);
  if (scheme === "openai") return "elsewhere";
  if (scheme === "pvc") return "claim";
  if (scheme === "bundled") return "included";
  if (scheme === "file") return spec.storage?.tier === "image" ? "image" : "included";
  return "fetched";
}

/** Sources that pods of this model fetch from, adapters included. */
export function fetchedSources(spec: ModelSpec): Source[] {
  return [spec.source, spec.canary?.source, ...(spec.adapters ?? []).map(({ source }) => source)]
    .filter(source => source !== undefined)
    .map(parseSource)
    .filter(({ scheme }) => scheme === "https" || scheme === "hf");
}
