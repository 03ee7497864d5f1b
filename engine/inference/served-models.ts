/** ServedModels: which models this engine knows, in which state each is, and who may use one right now. */
import type { ModelOwner, ModelSpec, ModelStatus } from "../contract/model.ts";
import type { Backend } from "./backend.ts";

/** A loaded model that will not be unloaded before `release` is called. */
export interface Lease extends Disposable {
  readonly status: ModelStatus;
  readonly backend: Backend;
}

/**
 * What should be served = the configuration's models + `<home>/models.json`.
 * A model of the configuration belongs to the stack, one that a client pulled to the client.
 */
export interface ServedModels {
  /** In the order of their names. */
  list(): ModelStatus[];
  /** By name or alias; `:latest` is implied. */
  find(name: string): ModelStatus | undefined;
  /**
   * Makes `spec` so: fetches, checks, loads. Idempotent: an equal spec that is ready yields its status once.
   * A changed spec of the same name replaces the old model after its running requests have ended.
   * Yields a status at each change (progress at most ten times a second) until ready; written to models.json before it yields first.
   * @throws EngineError of the failure; `owned_by_stack` when a client would change a stack's model.
   */
  apply(spec: ModelSpec, owner: ModelOwner, signal: AbortSignal): AsyncIterable<ModelStatus>;
  /** @throws EngineError model_not_found, owned_by_stack */
  remove(name: string, by: ModelOwner): Promise<void>;
  /**
   * The model for one request, loaded first when it is not.
   * @throws EngineError model_not_found, model_not_ready (still being fetched, or failed: with its reason)
   */
  acquire(name: string, signal: AbortSignal): Promise<Lease>;
  /** Unloads when idle for `ms` from now on; 0 = as soon as no request runs; Infinity = never. */
  keepAlive(name: string, ms: number): void;
  /** No model keeps anything of the scope's prompts and replies. */
  forget(cacheScope: string): void;
  /** Whether every required model of the start-up configuration can answer; `reasons` says what is missing. */
  readiness(): { ready: boolean; reasons: string[] };
  /** Ends everything in reverse order. */
  close(): Promise<void>;
}
