/** The running configuration, and changes to it until the next restart. */
import { readBody } from "../body.ts";
import type { Call, Engine } from "../call.ts";
import { JsonObject } from "../fields.ts";
import { json } from "../reply.ts";

/** Digests of keys are left out: whoever administers knows the keys by their names. */
export function showConfig(engine: Engine): Response {
  const { keys, ...config } = engine.config();
  return json({ ...config, keys: keys.map(({ sha256: _, ...key }) => key) });
}

export async function changeConfig(engine: Engine, call: Call): Promise<Response> {
  const patch = await readBody(call, JsonObject);
  const change = engine.changeConfig(patch);
  call.log.info("the configuration was changed", {
    by: call.caller.principal.key,
    applied: change.applied.join(", "),
    needsRestart: change.needsRestart.join(", "),
  });
  return json(change);
}
