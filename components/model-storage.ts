/** ModelStorage: the volume that models with `storage.tier: shared` have together. */
import type { ComponentResourceOptions } from "@pulumi/pulumi";
import { ClusterComponent, type ClusterComponentArgs } from "./kubernetes/cluster-component.ts";

/**
 * The claim alone; it stays when the stack is taken down.
 * Children: `<name>-weights-persistentvolumeclaim`, where a model wants it.
 * Cost: `platform.storage.sharedSize` of a class that can ReadWriteMany.
 */
export class ModelStorage extends ClusterComponent {
  constructor(name: string, args: ClusterComponentArgs, options?: ComponentResourceOptions) {
    super("ModelStorage", name, args, options);
    this.registerOutputs({});
  }
}
