/** Brings back into order what a deployment left behind that ended in the middle of an operation. */
import type { Deployment } from "./deployment.ts";
import { UnfinishedResource } from "./provider.ts";
import { nameOf, type PendingOperation, type ResourceState, typeOf } from "./resource.ts";
import { toExisting } from "./steps.ts";
import { keepSecret } from "./values.ts";

/** Before the program runs: says what was cut off, and looks whether a deletion came to its end. */
export async function repairBefore(deployment: Deployment): Promise<void> {
  for (const operation of deployment.snapshot.pending()) {
    const { urn, type } = operation.resource;
    const what = `${operation.type} ${type} ${nameOf(urn)}`;
    deployment.show.line(`The last deployment was cut off while ${what}: this one puts it right.`);
    if (operation.type === "deleting") await repairDeletion(deployment, operation);
    else if (operation.type === "updating") deployment.interrupted.add(urn);
    else if (operation.type === "reading") deployment.snapshot.touch(operation);
  }
}

function findEntry(deployment: Deployment, resource: ResourceState): ResourceState | undefined {
  return deployment.snapshot
    .resources()
    .find(entry => entry.urn === resource.urn && entry.id === resource.id);
}

async function repairDeletion(deployment: Deployment, operation: PendingOperation): Promise<void> {
  const entry = findEntry(deployment, operation.resource);
  if (entry === undefined) {
    deployment.snapshot.touch(operation);
    return;
  }
  const { provider } = await deployment.providers.of(entry);
  const found = await provider.read(toExisting(entry));
  if (found.id === "") deployment.snapshot.remove(entry, operation);
  else deployment.snapshot.touch(operation);
}

/**
 * After the program: a creation that was cut off and is not wanted any more may have left something behind. Creating it
 * again adopts that, and then it can be deleted like everything else.
 */
export async function repairAfter(deployment: Deployment): Promise<void> {
  for (const operation of deployment.snapshot.pending()) {
    if (operation.type === "creating") await adopt(deployment, operation);
  }
}

async function adopt(deployment: Deployment, operation: PendingOperation): Promise<void> {
  const { resource } = operation;
  const inputs = resource.inputs ?? {};
  const place = `${typeOf(resource.urn)} ${nameOf(resource.urn)}`;
  deployment.show.line(`Adopting ${place}, whose creation was cut off, to delete it.`);
  if (deployment.isPreview) return;
  try {
    const { provider } = await deployment.providers.of(resource);
    const request = { urn: resource.urn, inputs, preview: false };
    keep(deployment, operation, await provider.create(request));
  } catch (error) {
    if (error instanceof UnfinishedResource) {
      keep(deployment, operation, error);
      return;
    }
    const why = error instanceof Error ? error.message : String(error);
    deployment.show.log("warning", `nothing could be adopted: ${why}`, resource.urn);
    deployment.snapshot.touch(operation);
  }
}

function keep(
  deployment: Deployment,
  operation: PendingOperation,
  made: Pick<UnfinishedResource, "id" | "outputs">,
): void {
  const { resource } = operation;
  const known = findEntry(deployment, { ...resource, id: made.id });
  if (known !== undefined) {
    deployment.snapshot.touch(operation);
    return;
  }
  const outputs = keepSecret(made.outputs, resource.inputs ?? {}, []);
  // Marked as replaced, so that nothing of the program is taken for it.
  const leftover = { ...resource, id: made.id, outputs, delete: true };
  deployment.snapshot.add(leftover, undefined, operation);
}
