/** Which models a caller sees and may use: all, but for those that name other keys. */
import { EngineError } from "../contract/errors.ts";
import type { ModelSpec, ModelStatus } from "../contract/model.ts";
import type { Caller, InferenceEngine } from "./call.ts";

/** Who administers the engine could change the specification as well. */
export function mayUse({ principal }: Caller, { keys }: ModelSpec): boolean {
  return keys === undefined || keys.includes(principal.key) || principal.scopes.includes("admin");
}

/** In the order of their names. */
export function listModels(engine: InferenceEngine, caller: Caller): ModelStatus[] {
  return engine.models.list().filter(status => mayUse(caller, status.spec));
}

/**
 * A model that is not for the caller is as if it did not exist.
 * @throws EngineError model_not_found in the words that Ollama's clients look for
 */
export function findModel(engine: InferenceEngine, caller: Caller, name: string): ModelStatus {
  const status = engine.models.find(name);
  if (status !== undefined && mayUse(caller, status.spec)) return status;
  throw new EngineError("model_not_found", `model '${name}' not found`, { field: "model" });
}
