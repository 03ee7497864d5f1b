/** Access: who may do and reach what in the cluster. */
import type { ComponentResourceOptions, Resource } from "@pulumi/pulumi";
import { ClusterComponent, type ClusterComponentArgs } from "./kubernetes/cluster-component.ts";

/**
 * The namespace with its Pod Security level, ServiceAccounts, Roles, and every NetworkPolicy of the installation.
 * Children: `<name>-namespace` (named after the namespace where it is not the installation), `<name>-gateway-serviceaccount`, `<name>-gateway-role`, `<name>-default-deny-networkpolicy` and so on.
 * Cost: nothing.
 */
export class Access extends ClusterComponent {
  /** What must be there before anything in it. */
  readonly namespaces: Resource[];

  constructor(name: string, args: ClusterComponentArgs, options?: ComponentResourceOptions) {
    super("Access", name, args, options);
    const isNamespace = (at: number) => args.objects[at]?.kind === "Namespace";
    this.namespaces = this.children.filter((_, at) => isNamespace(at));
    this.registerOutputs({});
  }
}
