/** Situations of a model, and what its conditions say of them. */
import { expect, test } from "vitest";
import type { KubernetesObject } from "../../../engine/contract/kubernetes.ts";
import type { WorkerModel } from "../../../engine/contract/worker.ts";
import { toConditions, toStampedConditions } from "../../../engine/operator/conditions.ts";
import type { Observed, WorkloadSeen } from "../../../engine/operator/observed.ts";

const workload: WorkloadSeen = {
  generation: 1,
  observedGeneration: 1,
  replicas: 1,
  current: 1,
  updated: 1,
  ready: 0,
  conditions: [],
};

const base: Observed = {
  generation: 1,
  isDeleting: false,
  problem: undefined,
  applyProblem: undefined,
  waitsFor: undefined,
  hasWorkers: true,
  fetches: true,
  range: { min: 1, max: 1 },
  workload,
  pods: [],
  claims: [],
  workers: new Map(),
  hasGateway: true,
};

const placed = { type: "PodScheduled", status: "True" };

function pod(status: object): KubernetesObject {
  const metadata = { name: "p", namespace: "n" };
  return { apiVersion: "v1", kind: "Pod", metadata, status } as unknown as KubernetesObject;
}

function unplaced(message: string): KubernetesObject {
  return pod({
    conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message }],
  });
}

function waiting(reason: string, more: object = {}): KubernetesObject {
  const container = { name: "c", image: "i", state: { waiting: { reason } }, ...more };
  return pod({ conditions: [placed], containerStatuses: [container] });
}

const running = pod({
  conditions: [placed],
  containerStatuses: [{ name: "c", state: { running: {} } }],
});

function worker(report: Partial<WorkerModel>): Map<string, WorkerModel> {
  return new Map([["p", { name: "m", state: "pending", ...report } as WorkerModel]]);
}

function failed(code: string, message = "It failed.") {
  return worker({ state: "failed", error: { code, message, remedy: "Mend it." } });
}

const serving: Partial<Observed> = {
  workload: { ...workload, ready: 1 },
  pods: [pod({ conditions: [placed, { type: "Ready", status: "True" }] })],
};

const lostWords = { type: "DisruptionTarget", status: "True", reason: "DeletionByTaintManager" };
const killed = { terminated: { reason: "OOMKilled", exitCode: 137 } };
const quota = {
  type: "ReplicaFailure",
  status: "True",
  reason: "FailedCreate",
  message: 'pods "x" is forbidden: exceeded quota: q',
};
const late = { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" };

/** Situation · what differs from a model that was just planned · phase · conditions as `Type status reason`. */
const table: [string, Partial<Observed>, string, string][] = [
  [
    "workload not written yet",
    { workload: undefined },
    "Pending",
    "Ready False Progressing, Reconciling True Progressing, Routed True Routed",
  ],
  [
    "workload not seen by its controller",
    { workload: { ...workload, generation: 2 } },
    "Pending",
    "Ready False Progressing, Reconciling True Progressing, Downloaded Unknown Progressing, Scheduled False Progressing, Loaded False Progressing, Routed True Routed",
  ],
  [
    "no pods yet",
    {},
    "Pending",
    "Ready False Progressing, Reconciling True Progressing, Downloaded Unknown Progressing, Scheduled False Progressing, Loaded False Progressing, Routed True Routed",
  ],
  [
    "no node is large enough",
    { pods: [unplaced("0/3 nodes are available: 3 Insufficient memory.")] },
    "Pending",
    "Ready False Unschedulable, Reconciling True Unschedulable, Downloaded Unknown Progressing, Scheduled False Unschedulable, Loaded False Unschedulable, Routed True Routed",
  ],
  [
    "claim not bound",
    { pods: [unplaced("pod has unbound immediate PersistentVolumeClaims")] },
    "Pending",
    "Ready False VolumePending, Reconciling True VolumePending, Downloaded Unknown Progressing, Scheduled False VolumePending, Loaded False VolumePending, Routed True Routed",
  ],
  [
    "claim pending, pod silent",
    { pods: [pod({})], claims: [{ name: "v", phase: "Pending" }] },
    "Pending",
    "Ready False VolumePending, Reconciling True VolumePending, Downloaded Unknown Progressing, Scheduled False VolumePending, Loaded False VolumePending, Routed True Routed",
  ],
  [
    "quota used up",
    { workload: { ...workload, current: 0, updated: 0, conditions: [quota] } },
    "Pending",
    "Ready False QuotaExceeded, Reconciling True QuotaExceeded, Downloaded Unknown Progressing, Scheduled False QuotaExceeded, Loaded False QuotaExceeded, Routed True Routed",
  ],
  [
    "image cannot be pulled",
    { pods: [waiting("ImagePullBackOff")] },
    "Failed",
    "Ready False ImageUnavailable, Stalled True ImageUnavailable, Downloaded Unknown Progressing, Scheduled True Scheduled, Loaded False ImageUnavailable, Routed True Routed",
  ],
  [
    "image not on the node",
    { pods: [waiting("ErrImageNeverPull")] },
    "Failed",
    "Ready False ImageUnavailable, Stalled True ImageUnavailable, Downloaded Unknown Progressing, Scheduled True Scheduled, Loaded False ImageUnavailable, Routed True Routed",
  ],
  [
    "secret missing",
    { pods: [waiting("CreateContainerConfigError")] },
    "Starting",
    "Ready False SecretMissing, Reconciling True SecretMissing, Downloaded Unknown Progressing, Scheduled True Scheduled, Loaded False SecretMissing, Routed True Routed",
  ],
  [
    "crash loop",
    { pods: [waiting("CrashLoopBackOff")] },
    "Failed",
    "Ready False CrashLoop, Stalled True CrashLoop, Downloaded Unknown Progressing, Scheduled True Scheduled, Loaded False CrashLoop, Routed True Routed",
  ],
  [
    "does not start",
    { pods: [waiting("RunContainerError")] },
    "Failed",
    "Ready False CrashLoop, Stalled True CrashLoop, Downloaded Unknown Progressing, Scheduled True Scheduled, Loaded False CrashLoop, Routed True Routed",
  ],
  [
    "out of memory",
    { pods: [waiting("CrashLoopBackOff", { lastState: killed })] },
    "Failed",
    "Ready False OutOfMemory, Stalled True OutOfMemory, Downloaded Unknown Progressing, Scheduled True Scheduled, Loaded False OutOfMemory, Routed True Routed",
  ],
  [
    "evicted",
    { pods: [pod({ phase: "Failed", reason: "Evicted", conditions: [placed] })] },
    "Starting",
    "Ready False Evicted, Reconciling True Evicted, Downloaded Unknown Progressing, Scheduled True Scheduled, Loaded False Evicted, Routed True Routed",
  ],
  [
    "node gone",
    { pods: [pod({ conditions: [placed, lostWords] })] },
    "Starting",
    "Ready False NodeLost, Reconciling True NodeLost, Downloaded Unknown Progressing, Scheduled True Scheduled, Loaded False NodeLost, Routed True Routed",
  ],
  [
    "containers are being made",
    { pods: [pod({ conditions: [placed] })] },
    "Starting",
    "Ready False Progressing, Reconciling True Progressing, Downloaded Unknown Progressing, Scheduled True Scheduled, Loaded False Progressing, Routed True Routed",
  ],
  [
    "engine starts",
    { pods: [running] },
    "Starting",
    "Ready False Progressing, Reconciling True Progressing, Downloaded Unknown Progressing, Scheduled True Scheduled, Loaded False Progressing, Routed True Routed",
  ],
  [
    "weights are being fetched",
    {
      pods: [running],
      workers: worker({ state: "fetching", progress: { completedBytes: 42, totalBytes: 100 } }),
    },
    "Downloading",
    "Ready False Downloading, Reconciling True Downloading, Downloaded False Downloading, Scheduled True Scheduled, Loaded False Progressing, Routed True Routed",
  ],
  [
    "weights are being loaded",
    { pods: [running], workers: worker({ state: "loading" }) },
    "Loading",
    "Ready False Loading, Reconciling True Loading, Downloaded True Downloaded, Scheduled True Scheduled, Loaded False Loading, Routed True Routed",
  ],
  [
    "weights in the image: no download to speak of",
    { fetches: false, pods: [running], workers: worker({ state: "loading" }) },
    "Loading",
    "Ready False Loading, Reconciling True Loading, Scheduled True Scheduled, Loaded False Loading, Routed True Routed",
  ],
  [
    "wrong digest",
    { pods: [running], workers: failed("invalid_model_file", "The file's sha256 is another one.") },
    "Failed",
    "Ready False DigestMismatch, Stalled True DigestMismatch, Downloaded False DigestMismatch, Scheduled True Scheduled, Loaded False DigestMismatch, Routed True Routed",
  ],
  [
    "no model file",
    { pods: [running], workers: failed("invalid_model_file") },
    "Failed",
    "Ready False InvalidModelFile, Stalled True InvalidModelFile, Downloaded False InvalidModelFile, Scheduled True Scheduled, Loaded False InvalidModelFile, Routed True Routed",
  ],
  [
    "source away from the pod",
    { pods: [running], workers: failed("source_unreachable") },
    "Starting",
    "Ready False SourceUnreachable, Reconciling True SourceUnreachable, Downloaded False SourceUnreachable, Scheduled True Scheduled, Loaded False SourceUnreachable, Routed True Routed",
  ],
  [
    "source refuses the pod",
    { pods: [running], workers: failed("unauthorized") },
    "Failed",
    "Ready False SourceRefused, Stalled True SourceRefused, Downloaded False SourceRefused, Scheduled True Scheduled, Loaded False SourceRefused, Routed True Routed",
  ],
  [
    "header unreachable at first",
    { waitsFor: { reason: "SourceUnreachable", message: "No." } },
    "Pending",
    "Ready False SourceUnreachable, Reconciling True SourceUnreachable, Downloaded False SourceUnreachable, Scheduled False Progressing, Loaded False SourceUnreachable, Routed True Routed",
  ],
  [
    "not ready in time",
    { pods: [running], workload: { ...workload, conditions: [late] } },
    "Failed",
    "Ready False CrashLoop, Stalled True CrashLoop, Downloaded Unknown Progressing, Scheduled True Scheduled, Loaded False Progressing, Routed True Routed",
  ],
  [
    "serving",
    serving,
    "Ready",
    "Ready True Serving, Downloaded True Downloaded, Scheduled True Scheduled, Loaded True Loaded, Routed True Routed",
  ],
  [
    "serving, no gateway",
    { ...serving, hasGateway: false },
    "Ready",
    "Ready True Serving, Downloaded True Downloaded, Scheduled True Scheduled, Loaded True Loaded, Routed False NoGateway",
  ],
  [
    "serving, header unreachable now",
    { ...serving, waitsFor: { reason: "SourceUnreachable", message: "No." } },
    "Ready",
    "Ready True Serving, Downloaded True Downloaded, Scheduled True Scheduled, Loaded True Loaded, Routed True Routed",
  ],
  [
    "more replicas come",
    { ...serving, workload: { ...workload, replicas: 3, current: 3, updated: 3, ready: 1 } },
    "Scaling",
    "Ready True Scaling, Reconciling True Scaling, Downloaded True Downloaded, Scheduled False Progressing, Loaded True Loaded, Routed True Routed",
  ],
  [
    "more replicas find no node",
    {
      ...serving,
      workload: { ...workload, replicas: 2, current: 2, updated: 2, ready: 1 },
      pods: [...(serving.pods ?? []), unplaced("none")],
    },
    "Scaling",
    "Ready True Scaling, Reconciling True Unschedulable, Downloaded True Downloaded, Scheduled False Unschedulable, Loaded True Loaded, Routed True Routed",
  ],
  [
    "a new version rolls out",
    { ...serving, workload: { ...workload, current: 2, updated: 1, ready: 1 } },
    "RollingOut",
    "Ready True RollingOut, Reconciling True RollingOut, Downloaded True Downloaded, Scheduled True Scheduled, Loaded True Loaded, Routed True Routed",
  ],
  [
    "scaled to zero",
    { range: { min: 0, max: 3 }, workload: { ...workload, replicas: 0, current: 0, updated: 0 } },
    "Idle",
    "Ready True Idle, Routed True Routed",
  ],
  [
    "specification refused",
    { problem: { reason: "DoesNotFit", message: "No." } },
    "Failed",
    "Ready False DoesNotFit, Stalled True DoesNotFit, Downloaded Unknown Progressing, Scheduled False Progressing, Loaded False Progressing, Routed True Routed",
  ],
  [
    "specification refused, the last one serves",
    { ...serving, problem: { reason: "DoesNotFit", message: "No." } },
    "Failed",
    "Ready False DoesNotFit, Stalled True DoesNotFit, Downloaded True Downloaded, Scheduled True Scheduled, Loaded True Loaded, Routed True Routed",
  ],
  [
    "name taken",
    { workload: undefined, problem: { reason: "NameConflict", message: "No." } },
    "Failed",
    "Ready False NameConflict, Stalled True NameConflict, Routed True Routed",
  ],
  [
    "objects refused",
    { workload: undefined, applyProblem: { reason: "ApplyFailed", message: "No." } },
    "Pending",
    "Ready False ApplyFailed, Reconciling True ApplyFailed, Routed True Routed",
  ],
  [
    "server of others",
    { hasWorkers: false, workload: undefined },
    "Ready",
    "Ready True Serving, Routed True Routed",
  ],
  [
    "server of others, no gateway",
    { hasWorkers: false, workload: undefined, hasGateway: false },
    "Pending",
    "Ready False NoGateway, Reconciling True NoGateway, Routed False NoGateway",
  ],
  [
    "being removed",
    { ...serving, isDeleting: true },
    "Terminating",
    "Ready False Terminating, Reconciling True Terminating",
  ],
];

test.each(table)("%s", (_, seen, phase, conditions) => {
  const judged = toConditions({ ...base, ...seen });
  const said = judged.conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`);
  expect([judged.phase, said.join(", ")]).toEqual([phase, conditions]);
  for (const { message } of judged.conditions) expect(message).toMatch(/\S/);
});

test("kstatus: never Reconciling and Stalled together, and whoever is neither is ready", () => {
  for (const [name, seen] of table) {
    const types = toConditions({ ...base, ...seen }).conditions;
    const has = (type: string) => types.some(condition => condition.type === type);
    expect([name, has("Reconciling") && has("Stalled")]).toEqual([name, false]);
    if (!has("Reconciling") && !has("Stalled"))
      expect([name, types[0]?.status]).toEqual([name, "True"]);
  }
});

test("progress is said in percent, or in megabytes where the length is unknown", () => {
  const of = (progress: WorkerModel["progress"]) =>
    toConditions({ ...base, pods: [running], workers: worker({ state: "fetching", progress }) });
  expect(of({ completedBytes: 42, totalBytes: 100 }).progress?.text).toBe("42 %");
  expect(of({ completedBytes: 3_000_000, totalBytes: undefined }).progress?.text).toBe("3 MB");
});

test("a condition keeps its time while its status is the same", () => {
  const verdict = { type: "Ready", status: "True", reason: "Serving", message: "m" } as const;
  const first = toStampedConditions([verdict], [], 1, 0);
  const second = toStampedConditions([{ ...verdict, message: "n" }], first, 2, 60_000);
  expect(second[0]).toMatchObject({
    message: "n",
    lastTransitionTime: "1970-01-01T00:00:00Z",
    observedGeneration: 2,
  });
  const third = toStampedConditions([{ ...verdict, status: "False" }], second, 2, 60_000);
  expect(third[0]?.lastTransitionTime).toBe("1970-01-01T00:01:00Z");
});
