/** What exists at this moment of a deployment: new resources in the order they were finished, then the old ones that are left. */
import type { OperationType, PendingOperation, ResourceState } from "./resource.ts";
import type { StackState } from "./state.ts";
import { isIdentical } from "./values.ts";

export interface Snapshot {
  /** Old resources that no new one has taken the place of. */
  olds(): ResourceState[];
  resources(): ResourceState[];
  /** An operation is about to begin; on disk before this returns. */
  begin(type: OperationType, resource: ResourceState): PendingOperation;
  /** `resource` exists now, in place of `old`. */
  add(resource: ResourceState, old: ResourceState | undefined, operation?: PendingOperation): void;
  /** Something of a resource in the list was changed. */
  touch(operation?: PendingOperation): void;
  remove(resource: ResourceState, operation?: PendingOperation): void;
  /** Operations that were begun and whose end is not known, also of deployments before this one. */
  pending(): PendingOperation[];
}

/** `save` is called with everything after each change that must survive the next moment. */
export function createSnapshot(state: StackState, save: (state: StackState) => void): Snapshot {
  const olds = [...state.resources];
  const news: ResourceState[] = [];
  const pending = new Set<PendingOperation>(state.pendingOperations);
  const drop = (list: ResourceState[], resource: ResourceState): void => {
    const at = list.indexOf(resource);
    if (at >= 0) list.splice(at, 1);
  };
  const settle = (operation: PendingOperation | undefined): void => {
    if (operation !== undefined) pending.delete(operation);
    save({ resources: [...news, ...olds], pendingOperations: [...pending] });
  };
  const supersede = (resource: ResourceState, type: OperationType): void => {
    for (const operation of pending) {
      const isMeant = operation.resource.urn === resource.urn && operation.type === type;
      if (isMeant) pending.delete(operation);
    }
  };
  return {
    olds: () => [...olds],
    resources: () => [...news, ...olds],
    pending: () => [...pending],
    begin: (type, resource) => {
      const operation = { type, resource };
      supersede(resource, type);
      pending.add(operation);
      settle(undefined);
      return operation;
    },
    add: (resource, old, operation) => {
      news.push(resource);
      if (old !== undefined) drop(olds, old);
      const isUnchanged = old !== undefined && isIdentical(old, resource);
      if (operation !== undefined || !isUnchanged) settle(operation);
    },
    touch: settle,
    remove: (resource, operation) => {
      drop(news, resource);
      drop(olds, resource);
      supersede(resource, "updating");
      supersede(resource, "deleting");
      settle(operation);
    },
  };
}
