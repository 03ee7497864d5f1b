/** MemoryDatabase: where memory is kept. */
import type { ComponentResourceOptions } from "@pulumi/pulumi";
import { ClusterComponent, type ClusterComponentArgs } from "./kubernetes/cluster-component.ts";

/**
 * `embedded`: the gateway's claim. `postgres`: the database in the cluster with its claim. `external`: nothing. Claims stay when the stack is taken down.
 * Children: `<name>-memory-persistentvolumeclaim`, or `<name>-postgres-statefulset`, `<name>-postgres-service` and so on.
 * Cost: its volume; with `postgres` a pod of its own, with `external` what its provider takes.
 */
export class MemoryDatabase extends ClusterComponent {
  constructor(name: string, args: ClusterComponentArgs, options?: ComponentResourceOptions) {
    super("MemoryDatabase", name, args, options);
    this.registerOutputs({});
  }
}
