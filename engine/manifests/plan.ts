/** What a plan is: the objects of one model or of an installation, and what is foretold of them. */
import type { KubernetesObject } from "../contract/kubernetes.ts";
import type { ModelSpec } from "../contract/model.ts";
import type { ModelShape, Platform, Prediction } from "../contract/platform.ts";

export interface ModelPlan {
  /** In an order in which they can be created one by one; names depend on the spec's name alone. */
  objects: KubernetesObject[];
  /** Undefined while the weights' shape is unknown, or where there are none (an endpoint of others). */
  prediction: Prediction | undefined;
  /** Sentences for whoever reads the preview: an unreachable source, a field without effect. */
  warnings: string[];
}

export interface ModelPlanInput {
  spec: ModelSpec;
  platform: Platform;
  /** Undefined when the header could not be read: declared sizes are used, and a warning says so. */
  shape: ModelShape | undefined;
  /** Shape of the canary's weights. */
  canaryShape?: ModelShape | undefined;
  /** Of the engine; becomes the version label. */
  version: string;
  /** Who applies it: becomes the managed-by label. */
  managedBy: string;
}
