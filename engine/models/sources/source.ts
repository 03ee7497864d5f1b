/** What a source of weights is: the interface behind which the schemes stand. */
import type { TransferProgress } from "../../contract/model.ts";
import type { FileScheme, Source } from "../../contract/source.ts";

export interface WeightRequest {
  /** The source as it was written. */
  uri: string;
  /** The digest that the weights must have, when it is known beforehand. */
  sha256: string | undefined;
  onProgress: (progress: TransferProgress) => void;
  signal: AbortSignal;
}

/** A whole file on disk, its digest computed from its bytes. */
export interface Weights {
  path: string;
  sha256: string;
}

/**
 * From a source to a file on disk.
 * @throws EngineError source_unreachable, invalid_model_file (not what was promised), disk_full, invalid_config, cancelled
 */
export type WeightSource<S extends Source> = (
  source: S,
  request: WeightRequest,
) => Promise<Weights>;

/** One for each scheme; a scheme that the contract knows and nobody serves does not compile. */
export type WeightSources = {
  [Scheme in FileScheme]: WeightSource<Extract<Source, { scheme: Scheme }>>;
};
