/** Reads a registration of the SDK into a goal, and refuses by name what this engine does not do. */
import type messages from "@pulumi/pulumi/proto/resource_pb.js";
import { refuse } from "./deployment.ts";
import { type AliasSpec, type Goal, planAliases } from "./plan.ts";
import { isProviderType, makeUrn, packageOf, stackType } from "./resource.ts";
import { fromStruct, hasAsset, type Properties, withoutOutputs } from "./values.ts";

type Request = InstanceType<typeof messages.RegisterResourceRequest>;

export interface GoalContext {
  project: string;
  stack: string;
  defaultProvider(packageName: string, version: string): Promise<string>;
  aliasOf(urn: string): string | undefined;
}

export async function toGoal(context: GoalContext, request: Request): Promise<Goal> {
  const inputs = withoutOutputs(fromStruct(request.getObject()));
  refuseUnknownWishes(request, inputs);
  const type = request.getType();
  const name = request.getName();
  const parent = parentOf(context, request);
  const urn = makeUrn(context, parent, type, name);
  const parentAlias = parent === undefined ? undefined : context.aliasOf(parent);
  return {
    urn,
    type,
    name,
    custom: request.getCustom(),
    parent,
    inputs,
    provider: await providerOf(context, request),
    dependencies: request.getDependenciesList(),
    propertyDependencies: propertyDependenciesOf(request),
    aliases: planAliases(urn, parent, aliasesOf(request), parentAlias),
    protect: request.getProtect() ?? false,
    ignoreChanges: request.getIgnorechangesList(),
    replaceOnChanges: request.getReplaceonchangesList(),
    deleteBeforeReplace: request.getDeletebeforereplacedefined()
      ? request.getDeletebeforereplace()
      : undefined,
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
    retainOnDelete: request.getRetainondelete() ?? false,
    deletedWith: request.getDeletedwith() || undefined,
    customTimeouts: timeoutsOf(request),
  };
}

function refuseUnknownWishes(request: Request, inputs: Properties): void {
  if (request.getRemote()) refuse(`remote components (${request.getType()})`);
  if (request.getImportid() !== "") refuse(`import (${request.getName()})`);
  if (request.getTransformsList().length > 0) refuse(`transforms (${request.getName()})`);
  if (request.getReplaceWithList().length > 0) refuse(`replaceWith (${request.getName()})`);
  if (request.hasReplacementTrigger()) refuse(`replacement triggers (${request.getName()})`);
  if (hasAsset(inputs)) refuse(`assets and archives (${request.getName()})`);
}

/** Whatever names no parent belongs to the stack. */
function parentOf(context: GoalContext, request: Request): string | undefined {
  const type = request.getType();
  if (request.getParent() !== "") return request.getParent();
  if (type === stackType || isProviderType(type)) return undefined;
  return makeUrn(context, undefined, stackType, `${context.project}-${context.stack}`);
}

async function providerOf(context: GoalContext, request: Request): Promise<string | undefined> {
  const type = request.getType();
  if (!request.getCustom() || isProviderType(type)) return undefined;
  if (request.getProvider() !== "") return request.getProvider();
  return await context.defaultProvider(packageOf(type), request.getVersion());
}

function propertyDependenciesOf(request: Request): Record<string, string[]> {
  const dependencies: Record<string, string[]> = {};
  request.getPropertydependenciesMap().forEach((urns, key) => {
    dependencies[key] = urns.getUrnsList();
  });
  return dependencies;
}

function aliasesOf(request: Request): AliasSpec[] {
  return request.getAliasesList().map(alias => {
    const spec = alias.getSpec();
    if (alias.hasUrn() || spec === undefined) return { urn: alias.getUrn() };
    const fields = {
      name: spec.getName(),
      type: spec.getType(),
      stack: spec.getStack(),
      project: spec.getProject(),
      parent: spec.getParenturn(),
    };
    const given = Object.entries(fields).filter(([, value]) => value !== "");
    return { ...Object.fromEntries(given), noParent: spec.getNoparent() };
  });
}

const unitSeconds: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600 };

function timeoutsOf(request: Request): Record<string, number> {
  const {
    create = "",
    update = "",
    pb_delete = "",
  } = request.getCustomtimeouts()?.toObject() ?? {};
  const given = Object.entries({ create, update, delete: pb_delete });
  return Object.fromEntries(
    given.filter(([, text]) => text !== "").map(([key, text]) => [key, toSeconds(text)]),
  );
}

/** `1m30s` as 90. */
function toSeconds(text: string): number {
  const parts = [...text.matchAll(/([\d.]+)(ms|s|m|h)/g)];
  return parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * (unitSeconds[unit ?? ""] ?? 0),
    0,
  );
}
