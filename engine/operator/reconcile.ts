/** One look at one model: what is there, what ought to be, the objects and the status brought there. */
import { fieldManagers, type KubernetesObject } from "../contract/kubernetes.ts";
import type { ModelSpec } from "../contract/model.ts";
import type { Platform } from "../contract/platform.ts";
import type { WorkerModel } from "../contract/worker.ts";
import type { Clock } from "../kit/clock.ts";
import type { Cluster } from "../kubernetes/cluster.ts";
import { hasReason } from "../kubernetes/errors.ts";
import { refOf } from "../kubernetes/kinds.ts";
import { modelNames } from "../manifests/names.ts";
import { weightsKind } from "../manifests/weights.ts";
import type { Metrics } from "../telemetry/telemetry.ts";
import { type Announce, toAnnouncement } from "./announcer.ts";
import { type Applier, toApplyProblem, toPruned } from "./applier.ts";
import { toConditions, toStampedConditions } from "./conditions.ts";
import {
  type PlanModelOptions,
  type PlannedModel,
  planResource,
  specOf,
  toInvalid,
  toPlanProblem,
} from "./model-plan.ts";
import { type ModelStatusFields, statusOf, toStatusPatch } from "./model-status.ts";
import type { NameClaims } from "./name-claims.ts";
import { type Observed, type Problem, toWorkloadSeen } from "./observed.ts";
import { toPodSeen } from "./pod-problems.ts";
import { type ReplicasStep, stepReplicas } from "./replicas.ts";
import { toStatusFields } from "./status-fields.ts";
import type { Watched } from "./watched.ts";
import type { ReadWorker } from "./worker-reports.ts";

export interface ReconcileOptions {
  cluster: Cluster;
  watched: Watched;
  applier: Applier;
  claims: NameClaims;
  announce: Announce;
  readWorker: ReadWorker;
  clock: Clock;
  metrics: Metrics;
  plan: (platform: Platform) => Omit<PlanModelOptions, "readFacts">;
  platform: () => Platform;
  readFacts: (model: string) => PlanModelOptions["readFacts"];
}

export interface Outcome {
  /** Look again after that long, whatever happens; undefined = when something changes. */
  againMs: number | undefined;
  outcome: "done" | "failed" | "refused";
}

const pollMs = 2_000;
const retryMs = 15_000;
/** Pods that are asked in one look; more say nothing new. */
const askedMax = 3;

/** What the effects of one look have shown. */
interface Done {
  spec: ModelSpec | undefined;
  planned: PlannedModel | undefined;
  problem: Problem | undefined;
  applyProblem: Problem | undefined;
  replicas: ReplicasStep;
}

/** @throws when the API cannot be reached */
export async function reconcileModel(name: string, options: ReconcileOptions): Promise<Outcome> {
  const key = `${options.platform().namespace}/${name}`;
  const model = options.watched.models.get(key);
  if (model === undefined) return { againMs: undefined, outcome: "done" };
  const isDeleting = model.metadata.deletionTimestamp !== undefined;
  const done = isDeleting ? nothing() : await bringAbout(model, options);
  const workers = done.spec === undefined ? new Map() : await askWorkers(name, options);
  const seen = observe(model, done, workers, options);
  const judgement = toConditions(seen);
  const before = statusOf(model);
  const generation = model.metadata.generation ?? 0;
  const status: ModelStatusFields = {
    ...toStatusFields(done, seen, workers, before, options.platform()),
    phase: judgement.phase,
    ...(judgement.progress === undefined ? {} : { progress: judgement.progress }),
    observedGeneration: generation,
    conditions: toStampedConditions(
      judgement.conditions,
      before.conditions ?? [],
      generation,
      options.clock.now(),
    ),
  };
  await writeStatus(model, status, options);
  const isWaiting = done.applyProblem !== undefined || seen.waitsFor !== undefined;
  const isStarting =
    seen.hasWorkers && seen.pods.some(pod => toPodSeen(pod).isRunning && !toPodSeen(pod).isReady);
  return {
    againMs: isStarting ? pollMs : isWaiting || done.problem !== undefined ? retryMs : undefined,
    outcome: done.applyProblem !== undefined ? "failed" : done.problem ? "refused" : "done",
  };
}

function nothing(): Done {
  return {
    spec: undefined,
    planned: undefined,
    problem: undefined,
    applyProblem: undefined,
    replicas: { handed: undefined },
  };
}

/** Plan and effects; what goes wrong becomes a problem, unless nobody can be reached. */
async function bringAbout(model: KubernetesObject, options: ReconcileOptions): Promise<Done> {
  const { name } = model.metadata;
  const spec = specOf(model);
  if (Array.isArray(spec)) return { ...nothing(), problem: toInvalid(spec) };
  const conflict = options.claims.conflictOf(name);
  if (conflict !== undefined)
    return {
      ...nothing(),
      spec,
      problem: {
        reason: "NameConflict",
        message: `The older model "${conflict.holder}" answers to "${conflict.alias}" already. Choose another name or alias.`,
      },
    };
  let planned: PlannedModel;
  try {
    const platform = options.platform();
    planned = await planResource(model, spec, {
      ...options.plan(platform),
      readFacts: options.readFacts(name),
    });
  } catch (error) {
    const problem = toPlanProblem(error);
    if (problem === undefined) throw error;
    return { ...nothing(), spec, problem };
  }
  try {
    await applyPlan(model, planned, options);
    const replicas = await handOver(model, spec, options);
    return { spec, planned, problem: undefined, applyProblem: undefined, replicas };
  } catch (error) {
    const applyProblem = toApplyProblem(error);
    if (applyProblem === undefined) throw error;
    const replicas = { handed: statusOf(model).desiredReplicas };
    return { spec, planned, problem: undefined, applyProblem, replicas };
  }
}

async function applyPlan(
  model: KubernetesObject,
  { objects }: PlannedModel,
  { watched, applier, cluster, metrics }: ReconcileOptions,
): Promise<void> {
  const { name, uid } = model.metadata;
  const count = await applier.apply(objects, watched.ownedBy(name));
  if (count > 0) metrics.add("echorator_applied_objects_total", {}, count);
  const pruned = toPruned(objects, watched.ownedBy(name).values(), uid);
  for (const object of pruned) await cluster.remove(refOf(object));
  applier.forget(pruned);
}

function workloadOf(name: string, { watched }: ReconcileOptions): KubernetesObject | undefined {
  const owned = watched.ownedBy(name);
  const { main } = modelNames(name);
  return owned.get(`Deployment/${main}`) ?? owned.get(`StatefulSet/${main}`);
}

async function handOver(
  model: KubernetesObject,
  spec: ModelSpec,
  options: ReconcileOptions,
): Promise<ReplicasStep> {
  const { cluster } = options;
  const workload = workloadOf(spec.name, options);
  const { replicas } = (model.spec ?? {}) as { replicas?: { current?: number } };
  const step = stepReplicas({
    range: spec.replicas ?? { min: 1, max: 1 },
    current: replicas?.current,
    handed: statusOf(model).desiredReplicas,
    workload: workload === undefined ? undefined : toWorkloadSeen(workload).replicas,
  });
  if (step.scale !== undefined && workload !== undefined)
    await cluster.merge(
      refOf(workload),
      { spec: { replicas: step.scale } },
      { subresource: "scale" },
    );
  if (step.current !== undefined)
    await cluster.merge(refOf(model), {
      metadata: { uid: model.metadata.uid },
      spec: { replicas: { current: step.current } },
    });
  return step;
}

async function askWorkers(
  name: string,
  { watched, readWorker }: ReconcileOptions,
): Promise<Map<string, WorkerModel>> {
  const pods = watched.podsOf(name).map(toPodSeen);
  const unready = pods.filter(pod => pod.isRunning && !pod.isReady);
  const ready = pods.filter(pod => pod.isReady).slice(0, 1);
  const reports = await Promise.all(
    [...unready.slice(0, askedMax), ...ready].map(async ({ name: pod, address }) => {
      const report = address === undefined ? undefined : await readWorker(address, name);
      return report === undefined ? undefined : ([pod, report] as const);
    }),
  );
  return new Map(reports.filter(entry => entry !== undefined));
}

function observe(
  model: KubernetesObject,
  { spec, planned, problem, applyProblem }: Done,
  workers: ReadonlyMap<string, WorkerModel>,
  options: ReconcileOptions,
): Observed {
  const { name, generation = 0, deletionTimestamp } = model.metadata;
  const pods = options.watched.podsOf(name);
  const workload = workloadOf(name, options);
  const kind = spec === undefined ? "fetched" : weightsKind(spec);
  return {
    generation,
    isDeleting: deletionTimestamp !== undefined,
    problem,
    applyProblem,
    waitsFor: planned?.waitsFor,
    hasWorkers: kind !== "elsewhere",
    fetches: kind === "fetched",
    range: spec?.replicas ?? { min: 1, max: 1 },
    workload: workload === undefined ? undefined : toWorkloadSeen(workload),
    pods,
    claims: options.watched.claimsOf(pods),
    workers,
    hasGateway: options.watched.hasGateway(),
  };
}

async function writeStatus(
  model: KubernetesObject,
  status: ModelStatusFields,
  { cluster, announce }: ReconcileOptions,
): Promise<void> {
  const patch = toStatusPatch(model, status);
  if (patch === undefined) return;
  try {
    await cluster.apply(patch, {
      fieldManager: fieldManagers.operator,
      force: true,
      subresource: "status",
    });
  } catch (error) {
    // Gone meanwhile, or another one under its name.
    if (hasReason(error, "NotFound") || hasReason(error, "Conflict")) return;
    throw error;
  }
  const news = toAnnouncement(statusOf(model).conditions ?? [], status.conditions ?? []);
  if (news !== undefined) announce(model, news);
}
