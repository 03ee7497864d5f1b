/** Verbs that only a cluster has. */
import { EngineError } from "../contract/errors.ts";
import type { Invocation } from "./command.ts";
import type { Place } from "./place.ts";
import type { ClusterPlace } from "./places/cluster-place.ts";

/** @throws EngineError unsupported */
export async function wantCluster(invocation: Invocation): Promise<ClusterPlace> {
  const place = await invocation.place();
  if (isCluster(place)) return place;
  throw new EngineError("unsupported", `${place.title} is no cluster.`, {
    remedy: "Name one with --kubeconfig or KUBECONFIG.",
  });
}

function isCluster(place: Place): place is ClusterPlace {
  return place.kind === "cluster";
}
