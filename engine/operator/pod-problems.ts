/** What keeps a pod from serving, in the words of the conditions; from its status alone. */
import type { KubernetesObject } from "../contract/kubernetes.ts";
import type { Problem } from "./observed.ts";

interface PodStatus {
  phase?: string;
  reason?: string;
  message?: string;
  podIP?: string;
  conditions?: { type: string; status: string; reason?: string; message?: string }[];
  initContainerStatuses?: ContainerStatus[];
  containerStatuses?: ContainerStatus[];
}

interface ContainerStatus {
  name: string;
  image?: string;
  ready?: boolean;
  restartCount?: number;
  state?: ContainerState;
  lastState?: ContainerState;
}

interface ContainerState {
  waiting?: { reason?: string; message?: string };
  running?: { startedAt?: string };
  terminated?: { reason?: string; exitCode?: number; message?: string };
}

export interface PodSeen {
  name: string;
  address: string | undefined;
  isScheduled: boolean;
  isRunning: boolean;
  isReady: boolean;
  /** Its container came up and went down before. */
  restarts: number;
  problem: Problem | undefined;
}

export function toPodSeen(pod: KubernetesObject): PodSeen {
  const status = (pod.status ?? {}) as PodStatus;
  const condition = (type: string) => status.conditions?.find(entry => entry.type === type);
  const containers = status.containerStatuses ?? [];
  return {
    name: pod.metadata.name,
    address: status.podIP,
    isScheduled: condition("PodScheduled")?.status === "True",
    isRunning: containers.some(({ state }) => state?.running !== undefined),
    isReady: condition("Ready")?.status === "True",
    restarts: containers.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0),
    problem: toProblem(pod.metadata.name, status),
  };
}

function toProblem(name: string, status: PodStatus): Problem | undefined {
  if (status.reason === "Evicted")
    return { reason: "Evicted", message: `Pod ${name} was evicted: ${said(status.message)}` };
  if (status.reason === "NodeLost" || isLost(status))
    return { reason: "NodeLost", message: `The node of pod ${name} does not answer.` };
  const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  for (const container of all) {
    const problem = toContainerProblem(name, container);
    if (problem !== undefined) return problem;
  }
  return toScheduling(name, status);
}

function isLost({ conditions }: PodStatus): boolean {
  const ready = conditions?.find(({ type }) => type === "Ready");
  return (
    ready?.reason === "NodeLost" ||
    (conditions ?? []).some(
      ({ type, status, reason }) =>
        type === "DisruptionTarget" && status === "True" && reason === "DeletionByTaintManager",
    )
  );
}

function toContainerProblem(pod: string, container: ContainerStatus): Problem | undefined {
  const { waiting, terminated } = container.state ?? {};
  const last = terminated ?? container.lastState?.terminated;
  switch (waiting?.reason) {
    case "ImagePullBackOff":
    case "ErrImagePull":
    case "ErrImageNeverPull":
    case "InvalidImageName":
    case "ImageInspectError":
    case "RegistryUnavailable":
      return {
        reason: "ImageUnavailable",
        message: `Pod ${pod} cannot have the image ${container.image ?? ""}: ${said(waiting.message)} Correct the platform's \`image\` or \`imagePullSecrets\`.`,
      };
    case "CreateContainerConfigError":
      return {
        reason: "SecretMissing",
        message: `Pod ${pod} lacks what it is configured with: ${said(waiting.message)}`,
      };
    case "CreateContainerError":
    case "RunContainerError":
      return {
        reason: "CrashLoop",
        message: `Pod ${pod} does not start: ${said(waiting.message)}`,
      };
  }
  if (last?.reason === "OOMKilled" && container.ready !== true)
    return {
      reason: "OutOfMemory",
      message: `Pod ${pod} was ended because it took more memory than it may (${container.restartCount ?? 0} restarts). Name a larger \`profile\`, or lower \`context\` or \`slots\`.`,
    };
  if (waiting?.reason === "CrashLoopBackOff")
    return {
      reason: "CrashLoop",
      message: `Pod ${pod} ends again and again (exit code ${last?.exitCode ?? "unknown"}, ${container.restartCount ?? 0} restarts). Read its log.`,
    };
  return undefined;
}

function toScheduling(name: string, { conditions }: PodStatus): Problem | undefined {
  const scheduled = conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status !== "False") return undefined;
  const message = said(scheduled.message);
  if (scheduled.reason === "SchedulingGated")
    return { reason: "Unschedulable", message: `Pod ${name} is held back by a scheduling gate.` };
  const isVolume = /persistentvolumeclaim|volume node affinity|bind.* volume/i.test(message);
  return {
    reason: isVolume ? "VolumePending" : "Unschedulable",
    message: `Pod ${name} has no node yet: ${message}`,
  };
}

function said(message: string | undefined): string {
  const text = message?.trim().slice(0, 500) || "no reason given";
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
