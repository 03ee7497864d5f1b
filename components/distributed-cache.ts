/** DistributedCache: what gateways count together. */
import type { ComponentResourceOptions } from "@pulumi/pulumi";
import { ClusterComponent, type ClusterComponentArgs } from "./kubernetes/cluster-component.ts";

/**
 * `valkey`: the server in the cluster, which keeps nothing. `external` and `none`: nothing.
 * Children: `<name>-valkey-deployment`, `<name>-valkey-service`, where there is one.
 * Cost: one small pod with `valkey`, otherwise nothing.
 */
export class DistributedCache extends ClusterComponent {
  constructor(name: string, args: ClusterComponentArgs, options?: ComponentResourceOptions) {
    super("DistributedCache", name, args, options);
    this.registerOutputs({});
  }
}
