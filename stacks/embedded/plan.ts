/** Decides, without doing anything, what must happen to a resource: which old one it was, and whether it stays, changes, is replaced or goes. */
import type { Diff } from "./provider.ts";
import {
  isProviderType,
  makeUrn,
  nameOf,
  parseReference,
  parseUrn,
  type ResourceState,
  referencesOf,
  typeOf,
} from "./resource.ts";
import { isObject, isSame, type Properties, unknown, type Value } from "./values.ts";

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
  /** URNs that the resource may have had before. */
  aliases: string[];
  protect: boolean;
  ignoreChanges: string[];
  replaceOnChanges: string[];
  /** What the program says; undefined leaves it to the provider. */
  deleteBeforeReplace: boolean | undefined;
  additionalSecretOutputs: string[];
  retainOnDelete: boolean;
  deletedWith: string | undefined;
  /** Seconds. */
  customTimeouts: Record<string, number>;
}

export type Plan =
  | { op: "create" }
  | { op: "same" }
  | { op: "update" }
  | { op: "replace"; deleteBefore: boolean; keys: string[] };

export interface AliasSpec {
  urn?: string;
  name?: string;
  type?: string;
  stack?: string;
  project?: string;
  parent?: string;
  noParent?: boolean;
}

/** The URNs that a resource may have had: its own aliases, and those that its parent's alias entails. */
export function planAliases(
  urn: string,
  parent: string | undefined,
  specs: AliasSpec[],
  parentAlias: string | undefined,
): string[] {
  const own = specs.map(spec => collapseAlias(urn, parent, spec));
  if (parent === undefined || parentAlias === undefined) return own;
  const inherited = [urn, ...own].map(candidate => inheritAlias(candidate, parent, parentAlias));
  return [...new Set([...own, ...inherited])];
}

function collapseAlias(urn: string, parent: string | undefined, spec: AliasSpec): string {
  if (spec.urn !== undefined) return spec.urn;
  const now = parseUrn(urn);
  const place = { stack: spec.stack ?? now.stack, project: spec.project ?? now.project };
  const oldParent = spec.noParent === true ? undefined : (spec.parent ?? parent);
  return makeUrn(place, oldParent, spec.type ?? typeOf(urn), spec.name ?? now.name);
}

/** Children are often named after their parent, so a renamed parent renames them too. */
function inheritAlias(urn: string, parent: string, parentAlias: string): string {
  const name = nameOf(urn);
  const before = nameOf(parent);
  const renamed = name.startsWith(before) ? nameOf(parentAlias) + name.slice(before.length) : name;
  return makeUrn(parseUrn(parentAlias), parentAlias, typeOf(urn), renamed);
}

/** The old resource that the goal continues: by its URN, else by its aliases. */
export function findOld(olds: ResourceState[], goal: Goal): ResourceState | undefined {
  for (const urn of [goal.urn, ...goal.aliases]) {
    const old = olds.find(resource => resource.urn === urn && resource.delete !== true);
    if (old !== undefined) return old;
  }
  return undefined;
}

type Step = string | number;

/** `a.b[0]["c"]` as its steps. */
export function parsePath(path: string): Step[] {
  const matches = path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|([^.[\]]+)/g);
  return [...matches].map(([, quoted, index, word]) => {
    if (quoted !== undefined) return quoted.replace(/\\(.)/g, "$1");
    if (index !== undefined) return index === "*" ? "*" : Number(index);
    return word ?? "";
  });
}

/** New inputs in which what `ignoreChanges` names is as it was. */
export function applyIgnored(
  news: Properties,
  olds: Properties | undefined,
  paths: string[],
): Properties {
  if (olds === undefined) return news;
  return paths.reduce((inputs, path) => {
    const kept = keepOld(inputs, olds, parsePath(path));
    return isObject(kept) ? kept : inputs;
  }, news);
}

function keepOld(now: Value | undefined, old: Value | undefined, steps: Step[]): Value | undefined {
  const [step, ...rest] = steps;
  if (step === undefined) return old;
  if (step === "*") return keepAll(now, old, rest);
  if (Array.isArray(now) && typeof step === "number") {
    const items = [...now];
    const kept = keepOld(now[step], Array.isArray(old) ? old[step] : undefined, rest);
    if (kept !== undefined) items[step] = kept;
    return items;
  }
  if (!isObject(now) || typeof step === "number") return now;
  const { [step]: current, ...others } = now;
  const kept = keepOld(current, isObject(old) ? old[step] : undefined, rest);
  return kept === undefined ? others : { ...others, [step]: kept };
}

function keepAll(now: Value | undefined, old: Value | undefined, rest: Step[]): Value | undefined {
  if (Array.isArray(now)) {
    return now.map(
      (item, i) => keepOld(item, Array.isArray(old) ? old[i] : undefined, rest) ?? item,
    );
  }
  if (!isObject(now)) return now;
  const olds = isObject(old) ? old : {};
  const keys = new Set([...Object.keys(now), ...Object.keys(olds)]);
  const kept: Properties = {};
  for (const key of keys) {
    const value = keepOld(now[key], olds[key], rest);
    if (value !== undefined) kept[key] = value;
  }
  return kept;
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
  const keys = changedKeys(old.inputs ?? {}, inputs);
  const replaces = new Set([...diff.replaces, ...forcedReplaces(goal, keys)]);
  if (isForeign(old.provider, goal.provider)) replaces.add("provider");
  const isUnfinished = isInterrupted || (old.initErrors ?? []).length > 0;
  const isChanged = diff.changes === "unknown" ? keys.length > 0 : diff.changes === "some";
  if (replaces.size > 0) {
    const deleteBefore = goal.deleteBeforeReplace ?? diff.deleteBeforeReplace;
    return { op: "replace", deleteBefore, keys: [...replaces] };
  }
  return { op: isChanged || isUnfinished ? "update" : "same" };
}

function forcedReplaces(goal: Goal, keys: string[]): string[] {
  const paths = goal.replaceOnChanges.map(path => parsePath(path)[0]);
  return keys.filter(key => paths.includes("*") || paths.includes(key));
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
export function inputsDuringReplacement(
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
