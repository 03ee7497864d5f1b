/** Keys of one engine, by its Admin API. */
import { paths } from "../../contract/endpoints.ts";
import { EngineError } from "../../contract/errors.ts";
import type { EngineClient } from "../engine-client.ts";
import type { KeyRing, KnownKey } from "./key-ring.ts";

export function createEngineKeyRing(client: EngineClient): KeyRing {
  const one = (name: string) => `${paths.adminKeys}/${encodeURIComponent(name)}`;
  const list = async () => {
    const { keys } = await client.json<{ keys: KnownKey[] }>("GET", paths.adminConfig);
    return keys.sort((a, b) => (a.name < b.name ? -1 : 1));
  };
  return {
    list,
    async add(key) {
      if ((await list()).some(known => known.name === key.name)) throw nameIsTaken(key.name);
      await client.json("PUT", one(key.name), key);
      return `It holds until the engine's restart; write its digest under \`echorator:keys\` to keep it: ${key.sha256}`;
    },
    async remove(name) {
      await client.json("DELETE", one(name));
      return undefined;
    },
  };
}

export function nameIsTaken(name: string): EngineError {
  return new EngineError("conflict", `There is a key "${name}" already.`, {
    remedy: "Revoke it first, or take another name.",
  });
}
