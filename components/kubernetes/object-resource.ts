/** One object of the Kubernetes API as a Pulumi resource: any kind, from its data. */
import { CustomResource, type CustomResourceOptions, type Input, secret } from "@pulumi/pulumi";
import type { KubernetesObject } from "../../engine/contract/kubernetes.ts";
import { pluginVersion } from "./cluster-provider.ts";

export interface ObjectResourceArgs {
  object: KubernetesObject;
  /** What only Pulumi reads, laid over the object's annotations. */
  annotations?: Record<string, string>;
  /** Keeps all but name and labels encrypted in the state. @default false */
  isSecret?: boolean;
}

/**
 * The same registration that a class of @pulumi/kubernetes makes, without loading the package: its classes differ by
 * their token alone, and our objects are checked when they are planned.
 */
export class ObjectResource extends CustomResource {
  constructor(name: string, args: ObjectResourceArgs, options: CustomResourceOptions) {
    super(toToken(args.object), name, toInputs(args), { version: pluginVersion, ...options });
  }
}

/** `apps/v1` → `kubernetes:apps/v1:Deployment`; Pulumi calls the group without a name `core`. */
export function toToken({ apiVersion, kind }: KubernetesObject): string {
  const group = apiVersion.includes("/") ? apiVersion : `core/${apiVersion}`;
  return `kubernetes:${group}:${kind}`;
}

function toInputs({ object, annotations = {}, isSecret = false }: ObjectResourceArgs) {
  const { apiVersion, kind, metadata, ...content } = object;
  const all = { ...metadata.annotations, ...annotations };
  const inputs: Record<string, Input<unknown>> = {
    apiVersion,
    kind,
    metadata: Object.keys(all).length === 0 ? metadata : { ...metadata, annotations: all },
  };
  for (const [field, value] of Object.entries(content))
    inputs[field] = isSecret ? secret(value) : value;
  return inputs;
}
