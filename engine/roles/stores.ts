/** Where a front keeps its memory, as the configuration says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { EngineConfig } from "../contract/config.ts";
import { homeLayout } from "../contract/endpoints.ts";
import { EngineError } from "../contract/errors.ts";
import type { NewId } from "../kit/identifiers.ts";
import type { Counters } from "../stores/counters.ts";
import { createMemoryCounters } from "../stores/counters-memory.ts";
import type { Stores } from "../stores/store.ts";
import type { RoleOptions } from "./running.ts";

/** @throws EngineError invalid_config when the file with the database's URL is missing */
export async function openStores(
  { config, home, clock, log }: RoleOptions,
  newId: NewId,
): Promise<Stores> {
  if (config.stores.kind === "sqlite") {
    const { createSqliteStores } = await import("../stores/sqlite.ts");
    return createSqliteStores({ folder: join(home, homeLayout.memory), clock, newId });
  }
  const url = readUrl(config.stores.urlFile, "stores.urlFile", "postgres://");
  const { createPostgresStores } = await import("../stores/postgres.ts");
  return createPostgresStores({ url, clock, newId, log });
}

/** Of the keys' quotas: shared where the configuration names a Valkey. @throws EngineError invalid_config */
export async function openCounters(options: RoleOptions): Promise<Counters> {
  const { config, clock, log, metrics } = options;
  const { cacheUrlFile } = config.stores;
  if (cacheUrlFile === undefined) return createMemoryCounters({ clock });
  const url = readUrl(cacheUrlFile, "stores.cacheUrlFile", "redis://");
  const { namespace = "", installation } = config.gateway;
  const { createValkeyCounters } = await import("../stores/valkey.ts");
  const telemetry = { log, metrics };
  return createValkeyCounters({ url, prefix: `${namespace}/${installation}`, clock, telemetry });
}

/** A URL with a password stands in a file, never in the configuration. */
export function readUrl(
  path: string | undefined,
  field: keyof { [K in keyof EngineConfig["stores"] as `stores.${K}`]: never },
  scheme: string,
): string {
  const remedy = `Write the ${scheme} URL into a file and name it in \`${field}\`.`;
  if (path === undefined)
    throw new EngineError("invalid_config", `\`${field}\` is missing.`, { field, remedy });
  try {
    const url = readFileSync(path, "utf8").trim();
    if (url !== "") return url;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new EngineError("invalid_config", `${path} cannot be read: ${why}.`, { field, remedy });
  }
  throw new EngineError("invalid_config", `${path} is empty.`, { field, remedy });
}
