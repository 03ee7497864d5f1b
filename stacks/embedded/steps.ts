/** The operations on single resources: each asks the provider, records what it is about to do and what came of it, and tells the user. */
import { status } from "@grpc/grpc-js";
import { EngineError } from "../../engine/contract/errors.ts";
import type { Deployment } from "./deployment.ts";
import type { Goal } from "./plan.ts";
import { type Existing, UnfinishedResource } from "./provider.ts";
import {
  isProviderType,
  type OperationType,
  type PendingOperation,
  type ResourceState,
} from "./resource.ts";
import { describeChanges, type Op } from "./show.ts";
import { hasUnknown, isSame, keepSecret, type Properties } from "./values.ts";

/** What this engine writes of a resource; anything else in an old one is carried along. */
const ownFields = new Set(
  [
    "urn custom delete id type inputs outputs parent protect dependencies initErrors provider",
    "propertyDependencies pendingReplacement additionalSecretOutputs retainOnDelete created modified",
  ].flatMap(line => line.split(" ")),
);

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** The goal as a resource of the state: empty fields are left out, as Pulumi does. */
export function toResource(
  goal: Goal,
  inputs: Properties,
  found: { id?: string; outputs?: Properties; created?: string; modified?: string },
  old: ResourceState | undefined,
): ResourceState {
  const { urn, custom, type } = goal;
  const fields: Record<string, unknown> = {
    id: found.id,
    inputs,
    outputs: found.outputs,
    parent: goal.parent,
    protect: goal.protect,
    dependencies: goal.dependencies,
    provider: goal.provider,
    propertyDependencies: goal.propertyDependencies,
    additionalSecretOutputs: goal.additionalSecretOutputs,
    retainOnDelete: goal.retainOnDelete,
    created: found.created,
    modified: found.modified,
  };
  const filled = Object.entries(fields).filter(([, value]) => !isEmpty(value));
  const carried = Object.entries(old ?? {}).filter(([key]) => !ownFields.has(key));
  return { urn, custom, type, ...Object.fromEntries([...filled, ...carried]) };
}

/** Runs one operation with its place in the tree, its time and its failure shown. */
async function tell<T>(
  deployment: Deployment,
  urn: string,
  op: Op,
  details: string[],
  work: () => Promise<T>,
): Promise<T> {
  return await deployment.gate.run(async () => {
    const ended = deployment.show.begin(urn, op, details);
    try {
      const result = await work();
      ended("done");
      return result;
    } catch (error) {
      ended("failed");
      deployment.fail(error, urn);
      throw error;
    }
  });
}

function requireKnown(deployment: Deployment, urn: string, inputs: Properties): void {
  if (deployment.isPreview || !hasUnknown(inputs)) return;
  throw new EngineError("internal", `an input of ${urn} is still unknown while it is deployed`);
}

/** Whether the provider went away in the middle, so that nobody knows what came of the operation. */
function isLost(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === status.UNAVAILABLE;
}

interface Attempt<T> {
  type: OperationType;
  /** What stands in the list of pending operations meanwhile. */
  resource: ResourceState;
  work: () => Promise<T>;
  /** What the state holds afterwards; `settle` goes with the change that writes it. */
  record: (result: T, settle: PendingOperation | undefined) => void;
  /** The same for what exists although it failed. */
  recordUnfinished?: (error: UnfinishedResource, settle: PendingOperation | undefined) => void;
}

/** An operation between its two entries in the state: about to begin, and what came of it. */
async function attempt<T>(deployment: Deployment, { record, ...options }: Attempt<T>): Promise<T> {
  const { snapshot, isPreview } = deployment;
  const operation = isPreview ? undefined : snapshot.begin(options.type, options.resource);
  try {
    const result = await options.work();
    record(result, operation);
    return result;
  } catch (error) {
    if (error instanceof UnfinishedResource && options.recordUnfinished !== undefined) {
      options.recordUnfinished(error, operation);
    } else if (!isLost(error)) snapshot.touch(operation);
    throw error;
  }
}

/** Makes the resource; an old one that it replaces is left to be deleted later, unless it is gone already. */
export async function createResource(
  deployment: Deployment,
  goal: Goal,
  inputs: Properties,
  old: ResourceState | undefined,
): Promise<ResourceState> {
  const { snapshot, isPreview: preview } = deployment;
  const { provider, supportsPreview } = await deployment.providers.of(goal);
  const build = (id: string, outputs: Properties): ResourceState => {
    const kept = keepSecret(outputs, inputs, goal.additionalSecretOutputs);
    const now = deployment.now();
    return toResource(goal, inputs, { id, outputs: kept, created: now, modified: now }, undefined);
  };
  const create = async (): Promise<{ id: string; outputs: Properties }> => {
    if (preview && !supportsPreview) return { id: "", outputs: inputs };
    const made = await provider.create({ urn: goal.urn, inputs, preview });
    if (made.id === "" && !preview) throw new Error(`the provider gave ${goal.urn} no id`);
    return made;
  };
  const gone = old?.pendingReplacement === true ? old : undefined;
  const add = (resource: ResourceState, operation: PendingOperation | undefined): ResourceState => {
    if (old !== undefined && gone === undefined) old.delete = true;
    snapshot.add(resource, gone, operation);
    return resource;
  };
  const op = old === undefined ? "create" : "replace";
  return await tell(deployment, goal.urn, op, [], async () => {
    requireKnown(deployment, goal.urn, inputs);
    let resource = build("", {});
    await attempt(deployment, {
      type: "creating",
      resource,
      work: create,
      record: (made, operation) => {
        resource = add(build(made.id, made.outputs), operation);
      },
      recordUnfinished: (error, operation) => {
        const half = build(error.id, error.outputs);
        add({ ...half, initErrors: error.reasons }, operation);
      },
    });
    return resource;
  });
}

/** Changes the resource in place. */
export async function updateResource(
  deployment: Deployment,
  goal: Goal,
  inputs: Properties,
  old: ResourceState,
): Promise<ResourceState> {
  const { snapshot, isPreview: preview } = deployment;
  const { provider, supportsPreview } = await deployment.providers.of(goal);
  const id = old.id ?? "";
  const build = (outputs: Properties): ResourceState => {
    const kept = keepSecret(outputs, inputs, goal.additionalSecretOutputs);
    const created = old.created === undefined ? {} : { created: old.created };
    return toResource(
      goal,
      inputs,
      { id, outputs: kept, ...created, modified: deployment.now() },
      old,
    );
  };
  const update = async (): Promise<{ outputs: Properties }> => {
    if (preview && !supportsPreview) return { outputs: { ...old.outputs, ...inputs } };
    return await provider.update({ ...toExisting(old), news: inputs, preview });
  };
  const changes = describeChanges(old.inputs ?? {}, inputs);
  return await tell(deployment, goal.urn, "update", changes, async () => {
    requireKnown(deployment, goal.urn, inputs);
    let resource = old;
    await attempt(deployment, {
      type: "updating",
      resource: old,
      work: update,
      record: ({ outputs }, operation) => {
        resource = build(outputs);
        snapshot.add(resource, old, operation);
      },
      recordUnfinished: (error, operation) => {
        snapshot.add({ ...build(error.outputs), initErrors: error.reasons }, old, operation);
      },
    });
    return resource;
  });
}

/** Deletes the resource; `isReplaced` keeps its entry until it has been made again. */
export async function deleteResource(
  deployment: Deployment,
  old: ResourceState,
  options: { isReplaced?: boolean } = {},
): Promise<void> {
  const { snapshot, isPreview } = deployment;
  const record = (operation: PendingOperation | undefined): void => {
    if (options.isReplaced === true) {
      old.pendingReplacement = true;
      snapshot.touch(operation);
    } else snapshot.remove(old, operation);
  };
  const isProvided = old.custom && !isProviderType(old.type) && old.pendingReplacement !== true;
  if (!isProvided || old.retainOnDelete === true) {
    if (isProviderType(old.type) || old.pendingReplacement === true) return record(undefined);
    const op = old.custom ? "discard" : "delete";
    return await tell(deployment, old.urn, op, [], async () => record(undefined));
  }
  const { provider } = await deployment.providers.of(old);
  const op = options.isReplaced === true || old.delete === true ? "delete-replaced" : "delete";
  await tell(deployment, old.urn, op, [], () =>
    attempt(deployment, {
      type: "deleting",
      resource: old,
      work: async () => {
        if (!isPreview) await provider.delete(toExisting(old));
      },
      record: (_, operation) => record(operation),
    }),
  );
}

/** Looks at what there is and records it; a resource that is gone leaves the state. */
export async function refreshResource(deployment: Deployment, old: ResourceState): Promise<void> {
  const { provider } = await deployment.providers.of(old);
  const found = await deployment.gate.run(() => provider.read(toExisting(old)));
  if (found.id === "") {
    await tell(deployment, old.urn, "delete", ["it is gone"], async () =>
      deployment.snapshot.remove(old),
    );
    return;
  }
  const inputs = found.inputs ?? old.inputs ?? {};
  const named = old.additionalSecretOutputs ?? [];
  const outputs = keepSecret(found.outputs, old.inputs ?? {}, named);
  if (
    isSame(inputs, old.inputs ?? {}) &&
    isSame(outputs, old.outputs ?? {}) &&
    found.id === old.id
  ) {
    return deployment.show.same(old.urn);
  }
  const changes = describeChanges(old.outputs ?? {}, outputs);
  await tell(deployment, old.urn, "update", changes, async () => {
    const kept = keepSecret(inputs, old.inputs ?? {}, []);
    Object.assign(old, { id: found.id, inputs: kept, outputs, modified: deployment.now() });
    deployment.snapshot.touch();
  });
}

export function toExisting(resource: ResourceState): Existing {
  return {
    urn: resource.urn,
    id: resource.id ?? "",
    inputs: resource.inputs ?? {},
    outputs: resource.outputs ?? {},
  };
}
