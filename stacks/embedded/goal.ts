/** Reads a registration of the SDK into a goal, and refuses by name what this engine does not do. */
import type messages from "@pulumi/pulumi/proto/resource_pb.js";
import { refuse } from "./deployment.ts";
import type { Goal } from "./plan.ts";
import { isProviderType, makeUrn, packageOf, stackType } from "./resource.ts";
import { fromStruct, hasAsset, type Properties, withoutOutputs } from "./values.ts";

type Request = InstanceType<typeof messages.RegisterResourceRequest>;

export interface GoalContext {
  project: string;
  stack: string;
  defaultProvider(packageName: string, version: string): Promise<string>;
}

export async function toGoal(context: GoalContext, request: Request): Promise<Goal> {
  const inputs = withoutOutputs(fromStruct(request.getObject()));
  refuseUnknownWishes(request, inputs);
  const type = request.getType();
  const name = request.getName();
  const parent = parentOf(context, request);
  return {
    urn: makeUrn(context, parent, type, name),
    type,
    name,
    custom: request.getCustom(),
    parent,
    inputs,
    provider: await providerOf(context, request),
    dependencies: request.getDependenciesList(),
    propertyDependencies: propertyDependenciesOf(request),
    protect: request.getProtect() ?? false,
    deleteBeforeReplace: request.getDeletebeforereplacedefined()
      ? request.getDeletebeforereplace()
      : undefined,
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
    retainOnDelete: request.getRetainondelete() ?? false,
  };
}

function refuseUnknownWishes(request: Request, inputs: Properties): void {
  const wishes = {
    "remote components": request.getRemote(),
    import: request.getImportid() !== "",
    transforms: request.getTransformsList().length > 0,
    aliases: request.getAliasesList().length > 0,
    ignoreChanges: request.getIgnorechangesList().length > 0,
    replaceOnChanges: request.getReplaceonchangesList().length > 0,
    replaceWith: request.getReplaceWithList().length > 0,
    "replacement triggers": request.hasReplacementTrigger(),
    deletedWith: request.getDeletedwith() !== "",
    // The SDK sends them in any case, empty where there are none.
    customTimeouts: Object.values(request.getCustomtimeouts()?.toObject() ?? {}).some(Boolean),
    "assets and archives": hasAsset(inputs),
  };
  for (const [wish, isMade] of Object.entries(wishes)) {
    if (isMade) refuse(`${wish} (${request.getType()} ${request.getName()})`);
  }
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
