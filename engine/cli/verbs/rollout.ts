/** kollama rollout: the state of a roll, a fresh start of all pods, and the spec before this one. */
import { EngineError } from "../../contract/errors.ts";
import { fieldManagers, labels } from "../../contract/kubernetes.ts";
import { kinds } from "../../kubernetes/kinds.ts";
import { titleOf, toRef, untilAvailable } from "../apply.ts";
import { wantCluster } from "../cluster-only.ts";
import type { Invocation, Verb } from "../command.ts";
import { previousSpec } from "../places/cluster-models.ts";
import type { ClusterPlace } from "../places/cluster-place.ts";

const actions = ["status", "restart", "undo"] as const;
type Action = (typeof actions)[number];

export const rollout: Verb = {
  name: "rollout",
  summary: "Watch a roll, restart a model's pods one by one, or go back to the spec before.",
  usage: "status|restart|undo NAME",
  completes: [actions, "model"],
  async run(invocation) {
    const [action, name] = invocation.words;
    const known = actions.find(one => one === action);
    if (known === undefined || name === undefined)
      throw new EngineError("invalid_request", "What of which model?", {
        remedy: "Write kollama rollout status|restart|undo NAME.",
      });
    await roll(invocation, await wantCluster(invocation), known, name);
  },
};

async function roll(
  invocation: Invocation,
  place: ClusterPlace,
  action: Action,
  name: string,
): Promise<void> {
  if (action === "undo") await undo(place, name);
  else if (action === "restart") await restart(invocation, place, name);
  await showStatus(invocation, place, name);
}

async function workloadsOf({ cluster, namespace }: ClusterPlace, name: string) {
  const selection = { namespace, labels: `${labels.model}=${name}` };
  const found = [
    ...(await cluster.list(kinds.deployment, selection)).map(object => ({
      ...object,
      kind: "Deployment",
      apiVersion: "apps/v1",
    })),
    ...(await cluster.list(kinds.statefulSet, selection)).map(object => ({
      ...object,
      kind: "StatefulSet",
      apiVersion: "apps/v1",
    })),
  ];
  if (found.length > 0) return found;
  throw new EngineError("model_not_found", `The model "${name}" has no workload.`, {
    remedy: "See kollama list.",
  });
}

/** As kubectl does it: another annotation of the pods' template rolls them. */
async function restart({ now }: Invocation, place: ClusterPlace, name: string): Promise<void> {
  const annotations = { "kubectl.kubernetes.io/restartedAt": new Date(now()).toISOString() };
  for (const workload of await workloadsOf(place, name))
    await place.cluster.merge(toRef(workload), {
      spec: { template: { metadata: { annotations } } },
    });
}

/** The annotation that `deploy` leaves: the spec that it replaced. */
async function undo({ cluster, namespace }: ClusterPlace, name: string): Promise<void> {
  const ref = { kind: kinds.model, namespace, name };
  const object = await cluster.get(ref);
  const before = object?.metadata.annotations?.[previousSpec];
  if (object === undefined || before === undefined)
    throw new EngineError("not_found", `No spec of "${name}" before this one is known.`, {
      remedy: "Deploy the spec that you want: kollama deploy.",
    });
  const now = JSON.stringify(object.spec);
  await cluster.merge(ref, { metadata: { annotations: { [previousSpec]: now } } });
  await cluster.apply(
    { ...object, metadata: { name, namespace }, spec: JSON.parse(before), status: undefined },
    { fieldManager: fieldManagers.cli, force: true },
  );
}

async function showStatus(
  invocation: Invocation,
  place: ClusterPlace,
  name: string,
): Promise<void> {
  const workloads = await workloadsOf(place, name);
  await untilAvailable(invocation, place.cluster, workloads, name);
  for (const workload of workloads) invocation.streams.out(`${titleOf(workload)} is rolled out\n`);
}
