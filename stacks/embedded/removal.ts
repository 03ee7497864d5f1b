/** Deletes what the program no longer wants: dependents first, side by side where nothing stands between them. */
import { type Deployment, protectedError } from "./deployment.ts";
import { planDeletions } from "./plan.ts";
import type { ResourceState } from "./resource.ts";
import { deleteResource } from "./steps.ts";

/** Nothing is deleted when one of them is protected. */
export async function removeResources(
  deployment: Deployment,
  resources: ResourceState[],
): Promise<void> {
  const blocked = resources.filter(
    ({ protect, delete: replaced }) => protect === true && !replaced,
  );
  for (const resource of blocked) {
    deployment.fail(protectedError(resource, "deleted"), resource.urn);
  }
  if (blocked.length > 0) return;
  const going = new Set(resources.map(resource => resource.urn));
  const first = planDeletions(resources);
  const ends = new Map<ResourceState, Promise<void>>();
  const remove = (resource: ResourceState): Promise<void> => {
    const begun = ends.get(resource);
    if (begun !== undefined) return begun;
    const end = removeAfter(deployment, resource, (first.get(resource) ?? []).map(remove), going);
    ends.set(resource, end);
    return end;
  };
  // The last first, as they were made in the order of the list.
  const ended = await Promise.allSettled(resources.toReversed().map(remove));
  for (const end of ended) if (end.status === "rejected") deployment.fail(end.reason);
}

async function removeAfter(
  deployment: Deployment,
  resource: ResourceState,
  dependents: Promise<void>[],
  going: Set<string>,
): Promise<void> {
  await Promise.all(dependents);
  const isKept = resource.deletedWith !== undefined && going.has(resource.deletedWith);
  await deleteResource(deployment, resource, { isKept });
}
