/** Model: one model of the stack, served by a pool. */
import { type ComponentResourceOptions, type Output, secret } from "@pulumi/pulumi";
import { clusterOnlyFields, type ModelSpec } from "../engine/contract/model.ts";
import { EchoComponent } from "./component.ts";
import type { PoolHandle } from "./engine-pool.ts";
import { ServedModel } from "./local/resources.ts";

export interface ModelArgs {
  pool: PoolHandle;
  spec: ModelSpec;
  /** Keeps the whole spec encrypted in the state. @default false */
  isSecret?: boolean;
}

/**
 * A model in the engine of this machine.
 * Cost: disk for its weights (fetched once), memory for its weights and its slots × context.
 */
export class Model extends EchoComponent {
  readonly state: Output<string>;

  constructor(name: string, args: ModelArgs, options?: ComponentResourceOptions) {
    super("Model", name, options);
    const { pool, isSecret = false } = args;
    const spec = planLocalSpec(args.spec);
    const served = new ServedModel(
      this.childName("served"),
      {
        home: pool.home,
        endpoint: pool.endpoint,
        instance: pool.instance,
        spec: isSecret ? secret(spec) : spec,
      },
      this.childOptions(),
    );
    this.state = served.state;
    this.registerOutputs({ state: served.state });
  }
}

/** The part of a spec that one machine can honour. */
function planLocalSpec(spec: ModelSpec): ModelSpec {
  const clusterOnly: readonly string[] = clusterOnlyFields;
  const entries = Object.entries(spec).filter(([key]) => !clusterOnly.includes(key));
  return Object.fromEntries(entries) as ModelSpec;
}

/** One sentence a field that is written in a spec and that one machine cannot honour. */
export function describeNotApplied(spec: ModelSpec): string[] {
  return clusterOnlyFields
    .filter(field => spec[field] !== undefined)
    .map(
      field =>
        `model "${spec.name}": ${field} is not applied, because only a cluster can honour it and this stack has target: process.`,
    );
}
