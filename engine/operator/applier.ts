/** Applier: makes the objects of a model as planned, leaves alone what is so already, and removes what is planned no longer. */
import { createHash } from "node:crypto";
import type { JsonValue } from "../contract/chat.ts";
import { fieldManagers, type KubernetesObject } from "../contract/kubernetes.ts";
import type { Clock } from "../kit/clock.ts";
import type { Cluster } from "../kubernetes/cluster.ts";
import { hasReason, KubernetesError } from "../kubernetes/errors.ts";
import { refOf } from "../kubernetes/kinds.ts";
import { project, stableText } from "./projection.ts";

export interface Applier {
  /** @returns how many objects were written. @throws KubernetesError */
  apply(wanted: readonly KubernetesObject[], live: LiveObjects): Promise<number>;
  /** Forgets what was written for a model that is gone. */
  forget(objects: Iterable<KubernetesObject>): void;
}

export type LiveObjects = ReadonlyMap<string, KubernetesObject>;

/** What was written last, and what the API made of it: digests, since the texts of a thousand models are 100 MB. */
interface Written {
  wanted: string;
  made: string;
  atMs: number;
}

/** A watch is that much behind at most; until then what was written counts as there. */
const lagMs = 2_000;

export function createApplier(cluster: Cluster, clock: Pick<Clock, "monotonic">): Applier {
  const written = new Map<string, Written>();

  function isSo(wanted: KubernetesObject, digest: string, live: KubernetesObject | undefined) {
    const known = written.get(identify(wanted));
    if (known === undefined || known.wanted !== digest) return false;
    const isFresh = clock.monotonic() - known.atMs < lagMs;
    if (live === undefined) return isFresh;
    return known.made === madeOf(live, wanted);
  }

  async function write(wanted: KubernetesObject, live: KubernetesObject | undefined) {
    if (live !== undefined) await keepReplicas(cluster, wanted, live);
    const fieldManager = fieldManagers.operator;
    try {
      // What is not seen as ours may be somebody else's: a stack's model of the same name is not taken over.
      return await cluster.apply(wanted, { fieldManager, force: live !== undefined });
    } catch (error) {
      if (!isImmutable(error)) throw error;
      // Its pods stay and are taken over by the new one.
      await cluster.remove(refOf(wanted), { propagation: "Orphan" });
      return await cluster.apply(wanted, { fieldManager, force: true });
    }
  }

  return {
    async apply(wanted, live) {
      let count = 0;
      for (const object of wanted) {
        const key = identify(object);
        const digest = digestOf(object);
        if (isSo(object, digest, live.get(key))) continue;
        const made = await write(object, live.get(key));
        written.set(key, {
          wanted: digest,
          made: madeOf(made, object),
          atMs: clock.monotonic(),
        });
        count++;
      }
      return count;
    },
    forget(objects) {
      for (const object of objects) written.delete(identify(object));
    },
  };
}

export function identify({ kind, metadata }: KubernetesObject): string {
  return `${kind}/${metadata.name}`;
}

function madeOf(made: KubernetesObject, wanted: KubernetesObject): string {
  return digestOf(project(made as unknown as JsonValue, wanted as unknown as JsonValue));
}

function digestOf(value: unknown): string {
  return createHash("sha256").update(stableText(value)).digest("base64");
}

/**
 * Who stops to declare `replicas` would let the API set its default and end pods.
 * So the number as it is becomes the scaler's first.
 */
async function keepReplicas(
  cluster: Cluster,
  wanted: KubernetesObject,
  live: KubernetesObject,
): Promise<void> {
  const replicas = (live.spec as { replicas?: number } | undefined)?.replicas;
  const isWorkload = wanted.kind === "Deployment" || wanted.kind === "StatefulSet";
  const isDeclared = (wanted.spec as { replicas?: number } | undefined)?.replicas !== undefined;
  if (!isWorkload || isDeclared || replicas === undefined) return;
  const { name, namespace, resourceVersion } = live.metadata;
  await cluster.apply(
    {
      apiVersion: wanted.apiVersion,
      kind: wanted.kind,
      metadata: {
        name,
        ...(namespace === undefined ? {} : { namespace }),
        // A scaler that was faster must not be undone.
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      spec: { replicas },
    },
    { fieldManager: fieldManagers.scaler, force: true },
  );
}

function isImmutable(error: unknown): boolean {
  return (
    hasReason(error, "Invalid") &&
    /field is immutable|updates to statefulset spec/.test((error as Error).message)
  );
}

/** Objects of the model that are planned no longer. */
export function toPruned(
  wanted: readonly KubernetesObject[],
  owned: Iterable<KubernetesObject>,
  ownerUid: string | undefined,
): KubernetesObject[] {
  const planned = new Set(wanted.map(identify));
  return [...owned].filter(
    object =>
      !planned.has(identify(object)) &&
      object.metadata.deletionTimestamp === undefined &&
      object.metadata.ownerReferences?.some(({ uid }) => uid === ownerUid),
  );
}

/** What to say of a failed apply; undefined when nobody could be reached. */
export function toApplyProblem(error: unknown) {
  if (!(error instanceof KubernetesError) || error.code === "kubernetes_unreachable")
    return undefined;
  // Of field managers, and not of versions, where a second look is enough.
  if (/Apply failed with \d+ conflict/.test(error.message))
    return { reason: "NameConflict" as const, message: taken(error) };
  const isQuota = /exceeded quota/.test(error.message);
  const reason = isQuota ? ("QuotaExceeded" as const) : ("ApplyFailed" as const);
  return { reason, message: `${error.message} ${error.remedy}` };
}

function taken(error: KubernetesError): string {
  return `Somebody else made objects of this model's name: ${error.message}. Delete this Model, or take the model out of where it is declared besides, such as a stack.`;
}
