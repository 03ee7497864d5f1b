/** One resource that the program registers: found again in the state, checked, planned, and brought to what the program wants. */
import { EngineError } from "../../engine/contract/errors.ts";
import { type Deployment, protectedError } from "./deployment.ts";
import {
  changedKeys,
  findOld,
  type Goal,
  planDependentReplacements,
  planResource,
} from "./plan.ts";
import type { Diff } from "./provider.ts";
import { defaultProviderUrn, providerId } from "./providers.ts";
import { isProviderType, packageOf, type ResourceState, typeOf } from "./resource.ts";
import { createResource, deleteResource, toExisting, toResource, updateResource } from "./steps.ts";
import { isSame, type Properties, unknown } from "./values.ts";

export interface Registration {
  /** Brings one resource to its goal and answers with what the state now holds of it. */
  register(goal: Goal): Promise<ResourceState>;
  /** The reference of the provider resource for resources whose program names none. */
  defaultProvider(packageName: string, version: string): Promise<string>;
}

export interface RegistrationOptions {
  /** Configuration of a package's default provider. */
  configurationOf: (packageName: string) => Properties;
}

export function createRegistration(
  deployment: Deployment,
  options: RegistrationOptions,
): Registration {
  const claimed = new Set<string>();
  const defaults = new Map<string, Promise<string>>();

  const claim = (goal: Goal): ResourceState | undefined => {
    if (claimed.has(goal.urn)) {
      throw new EngineError("invalid_config", `two resources of the program are ${goal.urn}`, {
        remedy: "Give one of them another name.",
      });
    }
    claimed.add(goal.urn);
    return findOld(deployment.snapshot.olds(), goal);
  };
  const register = async (goal: Goal): Promise<ResourceState> => {
    const old = claim(goal);
    if (isProviderType(goal.type)) return await registerProvider(deployment, goal, old);
    if (!goal.custom) return registerComponent(deployment, goal, old);
    return await registerCustom(deployment, goal, old);
  };
  return {
    register,
    defaultProvider: (packageName, version) => {
      const urn = defaultProviderUrn(deployment, packageName, version);
      const inputs = {
        ...options.configurationOf(packageName),
        ...(version === "" ? {} : { version }),
      };
      const made =
        defaults.get(urn) ??
        register(providerGoal(urn, inputs)).then(({ id }) => `${urn}::${id ?? unknown}`);
      defaults.set(urn, made);
      return made;
    },
  };
}

function providerGoal(urn: string, inputs: Properties): Goal {
  const type = typeOf(urn);
  return {
    urn,
    type,
    name: packageOf(type),
    custom: true,
    parent: undefined,
    inputs,
    provider: undefined,
    dependencies: [],
    propertyDependencies: {},
    protect: false,
    deleteBeforeReplace: undefined,
    additionalSecretOutputs: [],
    retainOnDelete: false,
  };
}

/** Times that go on, and a new one for what changed. */
function times(deployment: Deployment, old: ResourceState | undefined, isChanged: boolean) {
  const now = deployment.now();
  if (old === undefined) return { created: now, modified: now };
  const { created, modified } = old;
  return {
    ...(created === undefined ? {} : { created }),
    ...(isChanged ? { modified: now } : modified === undefined ? {} : { modified }),
  };
}

/** A provider resource exists in the state alone; what makes it ready is configuring its plugin. */
async function registerProvider(
  deployment: Deployment,
  goal: Goal,
  old: ResourceState | undefined,
): Promise<ResourceState> {
  const id = providerId(old, deployment.isPreview);
  await deployment.providers.configure(goal.urn, goal.inputs);
  const isChanged = !isSame(goal.inputs, old?.inputs ?? {});
  // Pulumi writes the inputs of a provider as its outputs as well.
  const found = { id, outputs: goal.inputs, ...times(deployment, old, isChanged) };
  const resource = toResource(goal, goal.inputs, found, old);
  deployment.snapshot.add(resource, old);
  return resource;
}

function registerComponent(
  deployment: Deployment,
  goal: Goal,
  old: ResourceState | undefined,
): ResourceState {
  const isChanged = old !== undefined && changedKeys(old.inputs ?? {}, goal.inputs).length > 0;
  const outputs = old?.outputs === undefined ? {} : { outputs: old.outputs };
  const found = { ...outputs, ...times(deployment, old, isChanged) };
  const resource = toResource(goal, goal.inputs, found, old);
  if (old !== undefined && !isChanged) deployment.show.same(goal.urn);
  else deployment.show.group(goal.urn, old === undefined ? "create" : "update");
  deployment.snapshot.add(resource, old);
  return resource;
}

async function check(deployment: Deployment, goal: Goal, olds: Properties): Promise<Properties> {
  const { provider } = await deployment.providers.of(goal);
  const { urn, inputs: news } = goal;
  const { inputs, failures } = await provider.check({ urn, olds, news });
  if (failures.length === 0) return inputs;
  const said = failures.map(({ property, reason }) =>
    property === "" ? reason : `${property}: ${reason}`,
  );
  throw new EngineError("invalid_config", `${typeOf(goal.urn)} ${goal.name}: ${said.join("; ")}`, {
    remedy: "Correct it in the stack file and run the command again.",
  });
}

const noDiff: Diff = { changes: "none", replaces: [], deleteBeforeReplace: false };

async function registerCustom(
  deployment: Deployment,
  goal: Goal,
  old: ResourceState | undefined,
): Promise<ResourceState> {
  const isGone = old === undefined || old.pendingReplacement === true;
  const inputs = await check(deployment, goal, isGone ? {} : (old.inputs ?? {}));
  const diff = isGone ? noDiff : await diffResource(deployment, goal.provider, old, inputs);
  const isInterrupted = old !== undefined && deployment.interrupted.has(old.urn);
  const plan = planResource(goal, old, inputs, diff, isInterrupted);
  if (plan.op === "create") return await createResource(deployment, goal, inputs, old);
  if (old === undefined) throw new EngineError("internal", `${goal.urn}: ${plan.op} of nothing`);
  if (plan.op === "update") return await updateResource(deployment, goal, inputs, old);
  if (plan.op === "same") return keepResource(deployment, goal, inputs, old);
  if (old.protect === true && goal.protect) throw protectedError(old, "replaced");
  const fresh = await check(deployment, goal, {});
  if (plan.deleteBefore) await deleteFirst(deployment, old);
  return await createResource(deployment, goal, fresh, old);
}

async function diffResource(
  deployment: Deployment,
  reference: string | undefined,
  old: ResourceState,
  news: Properties,
): Promise<Diff> {
  const { provider } = await deployment.providers.of({ urn: old.urn, provider: reference });
  return await provider.diff({ ...toExisting(old), news });
}

function keepResource(
  deployment: Deployment,
  goal: Goal,
  inputs: Properties,
  old: ResourceState,
): ResourceState {
  const { id, outputs } = old;
  const found = {
    ...(id === undefined ? {} : { id }),
    ...(outputs === undefined ? {} : { outputs }),
    ...times(deployment, old, false),
  };
  const resource = toResource(goal, inputs, found, old);
  deployment.show.same(goal.urn);
  deployment.snapshot.add(resource, old);
  return resource;
}

/** Deletes what will be made again, and before it whatever cannot live through that. */
async function deleteFirst(deployment: Deployment, old: ResourceState): Promise<void> {
  const mustReplace = async (resource: ResourceState, news: Properties): Promise<boolean> => {
    const { replaces } = await diffResource(deployment, resource.provider, resource, news);
    return replaces.length > 0;
  };
  const olds = deployment.snapshot.olds();
  const dependents = await planDependentReplacements(old, olds, mustReplace);
  const blocked = dependents.find(resource => resource.protect === true);
  if (blocked !== undefined) throw protectedError(blocked, "replaced");
  for (const resource of [...dependents, old]) {
    await deleteResource(deployment, resource, { isReplaced: true });
  }
}
