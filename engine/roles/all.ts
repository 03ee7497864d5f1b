/** Role `all`: models, memory and every dialect in one process. */
import type { EngineConfig } from "../contract/config.ts";
import { createIds } from "../kit/identifiers.ts";
import type { Counters } from "../stores/counters.ts";
import type { Stores } from "../stores/store.ts";
import { createFront, type Front } from "./front.ts";
import { createLocalModels, type LocalModelsOptions } from "./local-models.ts";
import { openCounters, openStores } from "./stores.ts";

export interface AllOptions extends LocalModelsOptions {
  adminKey: string;
  /** SQLite below the home when absent. */
  stores?: Stores;
  counters?: Counters;
}

/** Resolves when requests can be answered; models are restored in the background. */
export async function startAll(options: AllOptions): Promise<Front> {
  const current: { config: EngineConfig } = { config: options.config };
  const newId = createIds(options.clock, options.random);
  const stores = options.stores ?? (await openStores(options, newId));
  const counters = options.counters ?? (await openCounters(options));
  const models = await createLocalModels(options, () => current.config);
  return createFront({
    ...options,
    ...{ current, models, stores, counters, newId },
    reasons: () => [],
    close: async () => {},
  });
}
