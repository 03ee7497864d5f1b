/** ModelFiles: from a source to a verified file on disk. */
import type { ModelFile, ModelSpec, TransferProgress } from "../contract/model.ts";

/**
 * The weights below one folder, content-addressed, so that nothing is fetched twice.
 * `bundled:` and `file:` are used where they lie; `https:` and `hf:` are fetched, hashed while they come, resumed after a cut.
 */
export interface ModelFiles {
  /**
   * The file for `spec`, fetched if need be, its header checked, its digest equal to `spec.sha256` when that is given.
   * @throws EngineError source_unreachable, invalid_model_file, disk_full, invalid_config (unreadable file, no such bundled model)
   */
  resolve(
    spec: ModelSpec,
    onProgress: (progress: TransferProgress) => void,
    signal: AbortSignal,
  ): Promise<ModelFile>;
}
