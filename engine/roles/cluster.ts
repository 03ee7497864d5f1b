/** The cluster that a role works in: that of its pod, or the one that KUBECONFIG names. */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { EngineError } from "../contract/errors.ts";
import type { Cluster } from "../kubernetes/cluster.ts";
import type { RoleOptions } from "./running.ts";

/** @throws EngineError invalid_config where there is none */
export async function openCluster(
  options: Pick<RoleOptions, "environment" | "log" | "clock">,
): Promise<Cluster> {
  const [{ connectionInCluster, connectionFromKubeconfig }, { createCluster }] = await Promise.all([
    import("../kubernetes/connection.ts"),
    import("../kubernetes/client.ts"),
  ]);
  const { environment = {}, log, clock } = options;
  const inPod = connectionInCluster({ environment });
  if (inPod !== undefined) return createCluster(inPod, { log, clock });
  const path = environment.KUBECONFIG;
  if (!path)
    throw new EngineError("invalid_config", "There is no Kubernetes for this role here.", {
      field: "role",
      remedy: "Run it in a pod with a service account, or set KUBECONFIG.",
    });
  const folder = dirname(path);
  const named = { text: readFileSync(path, "utf8"), folder, environment };
  return createCluster(connectionFromKubeconfig(named), { log, clock });
}
