/** Decides, without doing anything, what must happen to a resource: which old one it was, and whether it stays, changes, is replaced or goes. */
import type { Diff } from "./provider.ts";
import {
  isProviderType,
  nameOf,
  parseReference,
  type ResourceState,
  referencesOf,
  typeOf,
} from "./resource.ts";
import { isSame, type Properties, unknown } from "./values.ts";

/** What the program wants of one resource. */
export interface Goal {
  urn: string;
  type: string;
  name: string;
  custom: boolean;
  parent: string | undefined;
  inputs: Properties;
  /** Reference (`urn::id`) of the provider, for resources that have one. */
  provider: string | undefined;
  dependencies: string[];
  propertyDependencies: Record<string, string[]>;
  protect: boolean;
  /** What the program says; undefined leaves it to the provider. */
  deleteBeforeReplace: boolean | undefined;
  additionalSecretOutputs: string[];
  retainOnDelete: boolean;
}

export type Plan =
  | { op: "create" }
  | { op: "same" }
  | { op: "update" }
  | { op: "replace"; deleteBefore: boolean };

/** The old resource that the goal continues. */
export function findOld(olds: ResourceState[], goal: Goal): ResourceState | undefined {
  return olds.find(({ urn, delete: replaced }) => urn === goal.urn && replaced !== true);
}

/** Top-level properties in which two sets of inputs differ. */
export function changedKeys(olds: Properties, news: Properties): string[] {
  const keys = new Set([...Object.keys(olds), ...Object.keys(news)]);
  return [...keys].filter(key => !(key in olds && key in news) || !isSame(olds[key], news[key]));
}

/** The provider's answer where it has one, else what the inputs say; unfinished resources always differ. */
export function planResource(
  goal: Goal,
  old: ResourceState | undefined,
  inputs: Properties,
  diff: Diff,
  isInterrupted: boolean,
): Plan {
  if (old === undefined || old.pendingReplacement === true) return { op: "create" };
  if (diff.replaces.length > 0 || isForeign(old.provider, goal.provider)) {
    return { op: "replace", deleteBefore: goal.deleteBeforeReplace ?? diff.deleteBeforeReplace };
  }
  const isUnfinished = isInterrupted || (old.initErrors ?? []).length > 0;
  const isChanged =
    diff.changes === "unknown" ? !isSame(old.inputs ?? {}, inputs) : diff.changes === "some";
  return { op: isChanged || isUnfinished ? "update" : "same" };
}

/** Another provider cannot be trusted to know the resource; default providers of one package can. */
function isForeign(before: string | undefined, now: string | undefined): boolean {
  if (before === undefined || now === undefined) return before !== now;
  const old = parseReference(before);
  const next = parseReference(now);
  if (old.urn === next.urn || (isDefault(old.urn) && isDefault(next.urn))) return false;
  return true;
}

function isDefault(urn: string): boolean {
  return isProviderType(typeOf(urn)) && /^default(_|$)/.test(nameOf(urn));
}

/** Who must be deleted before whom: for each resource, those of the list that refer to it. */
export function planDeletions(resources: ResourceState[]): Map<ResourceState, ResourceState[]> {
  const references = resources.map(resource => ({ resource, urns: referencesOf(resource) }));
  return new Map(
    resources.map(target => [
      target,
      references
        .filter(({ resource, urns }) => resource !== target && urns.has(target.urn))
        .map(({ resource }) => resource),
    ]),
  );
}

/** The inputs of a dependent as they look while what they come from is being replaced; undefined when none do. */
function inputsDuringReplacement(
  resource: ResourceState,
  replaced: Set<string>,
): Properties | undefined {
  const dependencies = Object.entries(resource.propertyDependencies ?? {});
  const keys = dependencies.filter(([, urns]) => urns?.some(urn => replaced.has(urn)));
  if (keys.length === 0) return undefined;
  return { ...resource.inputs, ...Object.fromEntries(keys.map(([key]) => [key, unknown])) };
}

/**
 * What must be deleted together with `root` when it is deleted to be replaced, dependents first: those whose inputs
 * come from it and that cannot take a new value in place.
 */
export async function planDependentReplacements(
  root: ResourceState,
  resources: ResourceState[],
  mustReplace: (resource: ResourceState, inputs: Properties) => Promise<boolean>,
): Promise<ResourceState[]> {
  const replaced = new Set([root.urn]);
  const dependents: ResourceState[] = [];
  for (const resource of resources) {
    if (!resource.custom || resource.delete === true || replaced.has(resource.urn)) continue;
    const inputs = inputsDuringReplacement(resource, replaced);
    if (inputs === undefined || !(await mustReplace(resource, inputs))) continue;
    replaced.add(resource.urn);
    dependents.unshift(resource);
  }
  return dependents;
}
