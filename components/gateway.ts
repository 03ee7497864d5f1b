/** Gateway: what clients talk to. */
import type { ComponentResourceOptions } from "@pulumi/pulumi";
import { ClusterComponent, type ClusterComponentArgs } from "./kubernetes/cluster-component.ts";

/**
 * The gateways: every API, conversations and memory; generation goes to the models' workers.
 * Children: `<name>-gateway-deployment`, `<name>-service`, `<name>-gateway-configmap`, `<name>-gateway-poddisruptionbudget` and so on.
 * Cost: the requests of `platform.gateway` times its replicas, and a load balancer where `gateway.service` asks for one.
 */
export class Gateway extends ClusterComponent {
  constructor(name: string, args: ClusterComponentArgs, options?: ComponentResourceOptions) {
    super("Gateway", name, args, options);
    this.registerOutputs({});
  }
}
