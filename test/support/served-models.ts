/** Served models for tests: given backends under their names, always ready, with a count of open leases. */
import { EngineError } from "../../engine/contract/errors.ts";
import { ModelSpec, type ModelStatus } from "../../engine/contract/model.ts";
import type { Backend } from "../../engine/inference/backend.ts";
import type { ServedModels } from "../../engine/inference/served-models.ts";

export interface FixedModels extends ServedModels {
  openLeases(): number;
}

export function createFixedModels(
  backends: Record<string, Backend>,
  more: { system?: string } = {},
): FixedModels {
  let open = 0;
  const statuses = Object.keys(backends).map(name => toStatus(name, more.system));
  const find = (name: string) => statuses.find(status => status.spec.name === name);
  return {
    openLeases: () => open,
    list: () => statuses,
    find,
    apply: () => {
      throw new EngineError("unsupported", "These models are fixed.");
    },
    remove: async () => undefined,
    acquire: async name => {
      const status = find(name);
      const backend = backends[name];
      if (status === undefined || backend === undefined)
        throw new EngineError("model_not_found", `There is no model "${name}".`);
      open += 1;
      return {
        status,
        backend,
        [Symbol.dispose]: () => {
          open -= 1;
        },
      };
    },
    keepAlive: () => undefined,
    forget: cacheScope => {
      for (const backend of Object.values(backends)) backend.forget(cacheScope);
    },
    readiness: () => ({ ready: true, reasons: [] }),
    close: async () => undefined,
  };
}

function toStatus(name: string, system: string | undefined): ModelStatus {
  const spec = ModelSpec.parse({
    name,
    source: "bundled:echo-tiny",
    ...(system === undefined ? {} : { system }),
  });
  return {
    spec,
    owner: "stack",
    state: "ready",
    progress: undefined,
    error: undefined,
    file: undefined,
    contextTokens: undefined,
    memoryBytes: undefined,
    expiresMs: undefined,
  };
}
