/** What components on a cluster share: they make resources of planned objects, under names that never change. */
import type { ComponentResourceOptions, Resource } from "@pulumi/pulumi";
import type { KubernetesObject } from "../../engine/contract/kubernetes.ts";
import { EchoComponent } from "../component.ts";
import type { ClusterProvider } from "./cluster-provider.ts";
import { ObjectResource } from "./object-resource.ts";

/** Where objects go, and what must be there before them. */
export interface ClusterHandle {
  provider: ClusterProvider;
  /** The namespace, once there is one of ours. */
  before: Resource[];
}

export interface ClusterComponentArgs {
  cluster: ClusterHandle;
  /** Its slice of a plan, in an order in which they can be created. */
  objects: readonly KubernetesObject[];
  /** Name that the objects' names begin with; it is left out of the resources' names. */
  base: string;
  /** Seconds until pods of these objects answer; Pulumi waits as long. @default Pulumi's ten minutes */
  timeoutSeconds?: number | undefined;
  /** Whether all content is a secret of the state. @default false */
  isSecret?: boolean;
  /** Refuses to delete volumes and namespace, until it is taken back. @default false */
  protect?: boolean;
}

/** Kinds that hold data, or hold what holds it: they stay when the stack is taken down. */
const kept = ["PersistentVolumeClaim", "Namespace"];

export abstract class ClusterComponent extends EchoComponent {
  /** By the objects' place in the plan. */
  protected readonly children: readonly ObjectResource[];

  constructor(
    kind: string,
    name: string,
    args: ClusterComponentArgs,
    options?: ComponentResourceOptions,
  ) {
    super(kind, name, options);
    const before = [...args.cluster.before];
    this.children = args.objects.map(object => {
      const child = this.createChild(object, args, [...before]);
      if (object.kind === "Namespace") before.push(child);
      return child;
    });
  }

  private createChild(
    object: KubernetesObject,
    args: ClusterComponentArgs,
    dependsOn: Resource[],
  ): ObjectResource {
    const { cluster, isSecret = false, protect = false, timeoutSeconds } = args;
    const isKept = kept.includes(object.kind);
    const annotations = planAwait(object, timeoutSeconds);
    return new ObjectResource(
      this.childName(toRole(object, args.base)),
      { object, annotations, isSecret },
      {
        ...this.childOptions(),
        provider: cluster.provider,
        dependsOn,
        ...(isKept ? { retainOnDelete: true, protect } : {}),
      },
    );
  }
}

/** Workloads are waited for as long as they may take; a Service or a claim would only wait for the same pods again. */
function planAwait(
  { kind }: KubernetesObject,
  timeoutSeconds: number | undefined,
): Record<string, string> {
  if (["Service", "PersistentVolumeClaim"].includes(kind))
    return { "pulumi.com/skipAwait": "true" };
  const isWorkload = ["Deployment", "StatefulSet"].includes(kind);
  return isWorkload && timeoutSeconds !== undefined
    ? { "pulumi.com/timeoutSeconds": String(timeoutSeconds) }
    : {};
}

/** `model-a` below the base `model-a` is its `deployment`, `model-a-canary` the `canary-deployment`. */
export function toRole({ kind, metadata }: KubernetesObject, base: string): string {
  const { name } = metadata;
  const rest =
    name === base ? "" : name.startsWith(`${base}-`) ? name.slice(base.length + 1) : name;
  return [rest, kind.toLowerCase()].filter(part => part !== "").join("-");
}
