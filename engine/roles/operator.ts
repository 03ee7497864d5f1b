/** Role `operator`: makes Model resources so; besides it answers probes and scrapers only. */
import { EngineError } from "../contract/errors.ts";
import type { RoleOptions, Running } from "./running.ts";

export async function startOperator({ version }: RoleOptions): Promise<Running> {
  throw new EngineError("invalid_config", `Version ${version} has no operator.`, { field: "role" });
}
