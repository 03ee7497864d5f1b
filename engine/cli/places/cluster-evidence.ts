/** What doctor reads of a cluster: conditions, pods, events, the last words of what is not ready, and the gateway's health. */
import { paths } from "../../contract/endpoints.ts";
import { type KubernetesObject, labels } from "../../contract/kubernetes.ts";
import type { Cluster } from "../../kubernetes/cluster.ts";
import { kinds } from "../../kubernetes/kinds.ts";
import type { EngineClient } from "../engine-client.ts";
import type { Evidence, PlacedModel } from "../place.ts";

interface Subject {
  namespace: string;
  name: string | undefined;
  installation: string;
}

/** Lines that are looked at, and of those that complain, how many are told. */
const logLines = 200;
const toldLines = 3;
const loggedPodsMax = 3;
const eventsMax = 20;

export async function gatherEvidence(
  cluster: Cluster,
  { namespace, name, installation }: Subject,
  model: PlacedModel | undefined,
  gateway: EngineClient,
): Promise<Evidence> {
  const selector =
    name === undefined
      ? `${labels.instance}=${installation},!${labels.model}`
      : `${labels.model}=${name}`;
  const objects = await cluster.list(kinds.pod, { namespace, labels: selector });
  const pods = objects.map(toPod);
  const unready = pods.filter(pod => !pod.ready).slice(0, loggedPodsMax);
  return {
    model,
    conditions: name === undefined ? [] : await readConditions(cluster, namespace, name),
    events: await readEvents(cluster, namespace, [name, ...pods.map(pod => pod.name)]),
    pods,
    logs: await Promise.all(unready.map(pod => readLastWords(cluster, namespace, pod.name))),
    health: await readHealth(gateway),
  };
}

interface PodStatus {
  phase?: string;
  conditions?: { type: string; status: string }[];
  containerStatuses?: {
    restartCount: number;
    state?: {
      waiting?: { reason?: string; message?: string };
      terminated?: { reason?: string; exitCode: number };
    };
    lastState?: { terminated?: { reason?: string; exitCode: number } };
  }[];
}

function toPod(object: KubernetesObject): Evidence["pods"][number] {
  const status = (object.status ?? {}) as unknown as PodStatus;
  const [container] = status.containerStatuses ?? [];
  const waiting = container?.state?.waiting;
  const ended = container?.state?.terminated ?? container?.lastState?.terminated;
  return {
    name: object.metadata.name,
    phase: status.phase ?? "Unknown",
    ready: status.conditions?.some(one => one.type === "Ready" && one.status === "True") ?? false,
    restarts: container?.restartCount ?? 0,
    waiting:
      waiting === undefined
        ? undefined
        : { reason: waiting.reason ?? "Waiting", message: waiting.message ?? "" },
    terminated:
      ended === undefined
        ? undefined
        : { reason: ended.reason ?? "Ended", exitCode: ended.exitCode },
  };
}

async function readConditions(cluster: Cluster, namespace: string, name: string) {
  const object = await cluster.get({ kind: kinds.model, namespace, name }).catch(() => undefined);
  const status = (object?.status ?? {}) as unknown as { conditions?: Evidence["conditions"] };
  return status.conditions ?? [];
}

interface EventShape {
  type?: string;
  reason?: string;
  message?: string;
  count?: number;
  involvedObject?: { kind?: string; name?: string };
}

/** Of the model, of its pods, of what their names begin with (workloads), and of what ends with them (their claims). */
async function readEvents(cluster: Cluster, namespace: string, names: (string | undefined)[]) {
  const events = await cluster.list(kinds.event, { namespace });
  const wanted = names.filter(name => name !== undefined);
  return events
    .map(object => object as unknown as EventShape)
    .filter(({ involvedObject }) => {
      const about = involvedObject?.name ?? "";
      return wanted.some(
        name =>
          about === name ||
          name.startsWith(`${about}-`) ||
          about === `model-${name}` ||
          about.endsWith(`-${name}`),
      );
    })
    .slice(-eventsMax)
    .map(({ type = "Normal", reason = "", message = "", count = 1, involvedObject }) => ({
      type,
      reason,
      message,
      object: `${involvedObject?.kind ?? "?"}/${involvedObject?.name ?? "?"}`,
      count,
    }));
}

async function readLastWords(cluster: Cluster, namespace: string, name: string) {
  const lines: string[] = [];
  const signal = AbortSignal.timeout(5_000);
  for (const previous of [true, false]) {
    try {
      const said = cluster.logs({ namespace, name }, { tailLines: logLines, previous }, signal);
      for await (const line of said) lines.push(line);
    } catch {
      // A container that never ran has said nothing.
    }
    if (lines.length > 0) break;
  }
  return { from: name, lines: lines.flatMap(readComplaint).slice(-toldLines) };
}

/** Of an engine's log what is worse than information; whatever else a container writes before it ends, all of it. */
function readComplaint(line: string): string[] {
  try {
    const { level, message, error, why } = JSON.parse(line) as Record<string, string>;
    if (level !== "warn" && level !== "error") return [];
    return [[message, error ?? why].filter(Boolean).join(": ")];
  } catch {
    return line.trim() === "" ? [] : [line];
  }
}

async function readHealth(gateway: EngineClient): Promise<Evidence["health"]> {
  try {
    const { status, text } = await gateway.text(paths.serving);
    const reasons = status < 400 ? [] : [readSentence(text)];
    return [{ path: paths.serving, status, reasons }];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [{ path: paths.serving, status: 503, reasons: [reason] }];
  }
}

/** Of an engine's report, or of the API server's where no gateway could be asked. */
function readSentence(text: string): string {
  try {
    const { reasons, message } = JSON.parse(text) as { reasons?: string[]; message?: string };
    return reasons?.join("; ") || message || text.trim().slice(0, 300);
  } catch {
    return text.trim().slice(0, 300);
  }
}
