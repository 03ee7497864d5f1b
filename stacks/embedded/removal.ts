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
  const first = planDeletions(resources);
  const ends = new Map<ResourceState, Promise<void>>();
  const remove = (resource: ResourceState): Promise<void> => {
    const begun = ends.get(resource);
    if (begun !== undefined) return begun;
    const dependents = (first.get(resource) ?? []).map(remove);
    const end = Promise.all(dependents).then(() => deleteResource(deployment, resource));
    ends.set(resource, end);
    return end;
  };
  // The last first, as they were made in the order of the list.
  const ended = await Promise.allSettled(resources.toReversed().map(remove));
  for (const end of ended) if (end.status === "rejected") deployment.fail(end.reason);
}
