/** The cluster that a stack's objects go to: named by the stack, never the one that a shell happens to look at. */
import { ProviderResource, type Resource } from "@pulumi/pulumi";

/** Of the plugin `kubernetes`, as the development dependency @pulumi/kubernetes has it. */
export const pluginVersion = "4.34.2";

export interface ClusterProviderArgs {
  /** Path of the kubeconfig. */
  kubeconfig: string;
  /** Of the kubeconfig. @default its current one */
  context?: string | undefined;
}

export class ClusterProvider extends ProviderResource {
  constructor(name: string, { kubeconfig, context }: ClusterProviderArgs, parent: Resource) {
    // A provider's settings are texts; server-side apply is what makes an object shareable with scalers.
    const settings = { kubeconfig, context, enableServerSideApply: "true" };
    super("kubernetes", name, settings, { parent, version: pluginVersion });
  }
}
