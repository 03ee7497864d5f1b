/** ClusterModel: one model of the stack on Kubernetes. */
import { all, type ComponentResourceOptions, type Output } from "@pulumi/pulumi";
import type { ModelSpec } from "../engine/contract/model.ts";
import { modelNames } from "../engine/manifests/names.ts";
import type { ModelPlan } from "../engine/manifests/plan.ts";
import { startupBudget } from "../engine/manifests/worker-pod.ts";
import type { ClusterPoolHandle } from "./cluster-pool.ts";
import { ClusterComponent } from "./kubernetes/cluster-component.ts";

export interface ClusterModelArgs {
  pool: ClusterPoolHandle;
  spec: ModelSpec;
  /** What the model becomes, from the same specification. */
  plan: ModelPlan;
  /** Keeps the content of its objects encrypted in the state. @default false */
  isSecret?: boolean;
  /** Refuses to delete its volume. @default false */
  protect?: boolean;
}

/**
 * A model's workers and all that belongs to them. Pulumi waits for them as long as was foretold that they take.
 * Children: `<name>-deployment` or `<name>-statefulset`, `<name>-service`, `<name>-configmap`, `<name>-serviceaccount`,
 * `<name>-networkpolicy`, `<name>-poddisruptionbudget`, with a canary `<name>-canary-…`, and what its storage and scaling need.
 * Cost: the requests of its profile times its replicas, and its volumes.
 */
export class ClusterModel extends ClusterComponent {
  /** `applied` once the API has all of it and the pods that there should be are ready. */
  readonly state: Output<string>;

  constructor(name: string, args: ClusterModelArgs, options?: ComponentResourceOptions) {
    const { pool, spec, plan, isSecret = false, protect = false } = args;
    super(
      "Model",
      name,
      {
        cluster: pool.cluster,
        objects: plan.objects,
        base: modelNames(spec.name).main,
        timeoutSeconds: toTimeout(spec, startupBudget(plan.prediction)),
        isSecret,
        protect,
      },
      options,
    );
    this.state = all(this.children.map(child => child.id)).apply(() => "applied");
    this.registerOutputs({ state: this.state });
  }
}

/** A roll goes pod by pod, and each has the whole budget. */
function toTimeout({ replicas }: ModelSpec, budgetSeconds: number): number {
  return Math.ceil(budgetSeconds * Math.max(1, replicas?.min ?? 1)) + 60;
}
