/** A resource as Pulumi's checkpoint (version 3) holds it, and what its URN says. */
import type { Properties } from "./values.ts";

export interface ResourceState {
  urn: string;
  custom: boolean;
  /** Replaced already; only its deletion is missing. */
  delete?: boolean;
  id?: string;
  type: string;
  inputs?: Properties;
  outputs?: Properties;
  parent?: string;
  protect?: boolean;
  dependencies?: string[];
  initErrors?: string[];
  /** `urn::id` of the provider resource. */
  provider?: string;
  propertyDependencies?: Record<string, string[] | null>;
  /** Deleted to be replaced, and not yet made again. */
  pendingReplacement?: boolean;
  additionalSecretOutputs?: string[];
  retainOnDelete?: boolean;
  created?: string;
  modified?: string;
  /** What this engine does not use and another one may have written. */
  [other: string]: unknown;
}

export type OperationType = "creating" | "updating" | "deleting" | "reading";

export interface PendingOperation {
  type: OperationType;
  resource: ResourceState;
}

export const stackType = "pulumi:pulumi:Stack";
const providerPrefix = "pulumi:providers:";

export function isProviderType(type: string): boolean {
  return type.startsWith(providerPrefix);
}

/** The package that a resource type belongs to; for the type of a provider, the package it provides. */
export function packageOf(type: string): string {
  const token = isProviderType(type) ? type.slice(providerPrefix.length) : type;
  return token.split(":")[0] ?? token;
}

export function providerTypeOf(packageName: string): string {
  return `${providerPrefix}${packageName}`;
}

export interface UrnParts {
  stack: string;
  project: string;
  /** Types of all parents but the stack, then its own, joined by `$`. */
  qualifiedType: string;
  name: string;
}

function parseUrn(urn: string): UrnParts {
  const [stack, project, qualifiedType, ...name] = urn.replace(/^urn:pulumi:/, "").split("::");
  return {
    stack: stack ?? "",
    project: project ?? "",
    qualifiedType: qualifiedType ?? "",
    name: name.join("::"),
  };
}

export function typeOf(urn: string): string {
  return parseUrn(urn).qualifiedType.split("$").at(-1) ?? "";
}

export function nameOf(urn: string): string {
  return parseUrn(urn).name;
}

export function makeUrn(
  place: { stack: string; project: string },
  parent: string | undefined,
  type: string,
  name: string,
): string {
  const parentType = parent === undefined ? "" : parseUrn(parent).qualifiedType;
  const prefix = parentType === "" || parentType === stackType ? "" : `${parentType}$`;
  return `urn:pulumi:${place.stack}::${place.project}::${prefix}${type}::${name}`;
}

/** What a provider reference (`urn::id`) names. */
export function parseReference(reference: string): { urn: string; id: string } {
  const at = reference.lastIndexOf("::");
  return { urn: reference.slice(0, at), id: reference.slice(at + 2) };
}

/** The URNs that must be there for this resource to be there. */
export function referencesOf(resource: ResourceState): Set<string> {
  const urns = new Set(resource.dependencies ?? []);
  for (const list of Object.values(resource.propertyDependencies ?? {})) {
    for (const urn of list ?? []) urns.add(urn);
  }
  if (resource.parent !== undefined) urns.add(resource.parent);
  if (resource.provider !== undefined) urns.add(parseReference(resource.provider).urn);
  return urns;
}
