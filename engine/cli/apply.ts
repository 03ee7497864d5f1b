/** Applying and removing many objects in order, with what happened to each. */
import { EngineError } from "../contract/errors.ts";
import { fieldManagers, type KubernetesObject } from "../contract/kubernetes.ts";
import type { Cluster, ObjectRef } from "../kubernetes/cluster.ts";
import { kindOf } from "../kubernetes/kinds.ts";
import type { Invocation } from "./command.ts";
import { createStatusLine } from "./output.ts";
import { readTimeout } from "./waiting.ts";

export function toRef(object: KubernetesObject): ObjectRef {
  const { name, namespace } = object.metadata;
  return { kind: kindOf(object), name, ...(namespace === undefined ? {} : { namespace }) };
}

export function titleOf({ kind, metadata: { name } }: KubernetesObject): string {
  return `${kind.toLowerCase()}/${name}`;
}

export async function applyInOrder(
  { streams }: Invocation,
  cluster: Cluster,
  objects: readonly KubernetesObject[],
  dryRun: boolean,
): Promise<void> {
  for (const object of objects) {
    const before = await cluster.get(toRef(object)).catch(() => undefined);
    // Until it is there, a namespace cannot be asked about what goes into it.
    if (dryRun && before === undefined && object.metadata.namespace !== undefined) {
      streams.out(`${titleOf(object)} would be created\n`);
      continue;
    }
    const after = await cluster.apply(object, {
      fieldManager: fieldManagers.cli,
      force: true,
      dryRun,
    });
    const isSame = before?.metadata.resourceVersion === after.metadata.resourceVersion;
    const what = before === undefined ? "created" : isSame ? "unchanged" : "changed";
    streams.out(`${titleOf(object)} ${dryRun ? `would be ${what}` : what}\n`);
  }
}

export async function removeInOrder(
  { streams }: Invocation,
  cluster: Cluster,
  objects: readonly KubernetesObject[],
): Promise<void> {
  for (const object of [...objects].reverse()) {
    const wasThere = await cluster.remove(toRef(object), { propagation: "Foreground" });
    if (wasThere) streams.out(`${titleOf(object)} removed\n`);
  }
}

interface WorkloadStatus {
  spec?: { replicas?: number };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    readyReplicas?: number;
  };
}

/** @throws EngineError model_not_ready when a workload is not available in time */
export async function untilAvailable(
  invocation: Invocation,
  cluster: Cluster,
  objects: readonly KubernetesObject[],
  model?: string,
): Promise<void> {
  const { streams, now, sleep, signal } = invocation;
  const line = createStatusLine(streams);
  const end = now() + readTimeout(invocation);
  const workloads = objects.filter(({ kind }) => kind === "Deployment" || kind === "StatefulSet");
  for (const workload of workloads) {
    while (!isAvailable(await cluster.get(toRef(workload)))) {
      if (signal.aborted) throw new EngineError("cancelled", "Waiting was ended.");
      if (now() > end) {
        line.end();
        throw new EngineError("model_not_ready", `${titleOf(workload)} is not available in time.`, {
          remedy: `Run \`kollama doctor${model === undefined ? "" : ` ${model}`}\`.`,
        });
      }
      line.show(`${titleOf(workload)}  starting`);
      await sleep(500, signal);
    }
    line.show(`${titleOf(workload)}  available`);
  }
  line.end();
}

export function isAvailable(object: KubernetesObject | undefined): boolean {
  const { spec, status } = (object ?? {}) as unknown as WorkloadStatus;
  const wanted = spec?.replicas ?? 1;
  return (
    status?.observedGeneration === object?.metadata.generation &&
    (status?.updatedReplicas ?? 0) >= wanted &&
    (status?.replicas ?? 0) <= wanted &&
    (status?.readyReplicas ?? 0) >= wanted
  );
}
