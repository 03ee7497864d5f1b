/** Keys at run time, each by its name; they hold until the restart, as every change of the running configuration. */
import { KeySpec } from "../../contract/config.ts";
import { EngineError } from "../../contract/errors.ts";
import { readBody } from "../body.ts";
import type { Call, Engine } from "../call.ts";
import { wrong } from "../fields.ts";
import { json } from "../reply.ts";

/** Makes the key so, or changes it; only its digest is ever sent. */
export async function putKey(engine: Engine, call: Call): Promise<Response> {
  const key = await readBody(call, KeySpec);
  const name = call.params.name ?? "";
  if (key.name !== name) throw wrong("name", `the path says "${name}"`);
  const others = engine.config().keys.filter(known => known.name !== name);
  engine.changeConfig({ keys: [...others, key] });
  call.log.info("a key was set", { by: call.caller.principal.key, key: name });
  const { sha256: _, ...shown } = key;
  return json(shown);
}

export function deleteKey(engine: Engine, call: Call): Response {
  const name = call.params.name ?? "";
  const { keys } = engine.config();
  const others = keys.filter(known => known.name !== name);
  if (others.length === keys.length)
    throw new EngineError("not_found", `There is no key "${name}".`, {
      remedy: "See the keys with GET /api/v1/admin/config.",
    });
  engine.changeConfig({ keys: others });
  call.log.info("a key was removed", { by: call.caller.principal.key, key: name });
  return json({ name, deleted: true });
}
