/** Services: a name and ports for the pods that a selector finds. */
import type { Draft } from "./objects.ts";

/** A Service inside of the cluster; target ports go by name. */
export function clusterService(
  selector: Record<string, string>,
  ports: readonly (readonly [name: string, port: number])[],
) {
  return {
    type: "ClusterIP",
    selector,
    ports: ports.map(([name, port]) => ({ name, port, targetPort: name, protocol: "TCP" })),
  } satisfies { [field: string]: Draft };
}
