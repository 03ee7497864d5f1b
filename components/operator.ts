/** Operator: what makes pods of Model resources. */
import type { ComponentResourceOptions } from "@pulumi/pulumi";
import { ClusterComponent, type ClusterComponentArgs } from "./kubernetes/cluster-component.ts";

/**
 * The custom resource definition, the operator's Deployment and what it may do.
 * Children: `<name>-operator-deployment`, `<name>-operator-serviceaccount`, the definition and so on.
 * Cost: one small pod.
 */
export class Operator extends ClusterComponent {
  constructor(name: string, args: ClusterComponentArgs, options?: ComponentResourceOptions) {
    super("Operator", name, args, options);
    this.registerOutputs({});
  }
}
