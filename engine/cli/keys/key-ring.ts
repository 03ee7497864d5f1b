/** KeyRing: where keys are kept, each by its name and its digest. */
import type { KeySpec } from "../../contract/config.ts";
import type { Invocation } from "../command.ts";
import type { ClusterPlace } from "../places/cluster-place.ts";

/** As keys are shown: whoever administers knows one by its name. */
export type KnownKey = Omit<KeySpec, "sha256">;

export interface KeyRing {
  /** In the order of their names. */
  list(): Promise<KnownKey[]>;
  /** @returns what else changes by it, for people @throws EngineError conflict when the name is taken */
  add(key: KeySpec): Promise<string>;
  /** @throws EngineError not_found */
  remove(name: string): Promise<string | undefined>;
}

/** A cluster keeps keys for all its gateways; an engine those of its process. */
export async function openKeyRing(invocation: Invocation): Promise<KeyRing> {
  const place = await invocation.place();
  if (place.kind === "cluster") {
    const { createClusterKeyRing } = await import("./cluster-key-ring.ts");
    return createClusterKeyRing(place as ClusterPlace);
  }
  const { createEngineKeyRing } = await import("./engine-key-ring.ts");
  return createEngineKeyRing(await place.engine());
}
