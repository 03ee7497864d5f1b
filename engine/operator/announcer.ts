/** Announcer: events that say why a model waits, for `kubectl describe`. */
import { randomBytes } from "node:crypto";
import type { KubernetesObject } from "../contract/kubernetes.ts";
import { modelResource } from "../contract/kubernetes.ts";
import type { Condition } from "../contract/model-status.ts";
import type { Clock } from "../kit/clock.ts";
import type { Cluster } from "../kubernetes/cluster.ts";
import type { Log } from "../telemetry/telemetry.ts";

export interface Announcement {
  type: "Normal" | "Warning";
  reason: string;
  note: string;
}

/** Everyday steps show in the status; events are for what somebody may have to know later. */
const silent = new Set(["Progressing", "Downloading", "Loading", "Terminating"]);
const good = new Set(["Serving", "Idle", "Scaling", "RollingOut"]);
const noteCharactersMax = 1_000;

/** What is new in the conditions; nothing where only a message differs. */
export function toAnnouncement(
  before: readonly Condition[],
  after: readonly Condition[],
): Announcement | undefined {
  const condition = headlineOf(after);
  if (condition === undefined || silent.has(condition.reason)) return undefined;
  const known = headlineOf(before);
  if (known?.reason === condition.reason && known.type === condition.type) return undefined;
  return {
    type: good.has(condition.reason) ? "Normal" : "Warning",
    reason: condition.reason,
    note: condition.message.slice(0, noteCharactersMax),
  };
}

function headlineOf(conditions: readonly Condition[]): Condition | undefined {
  const of = (type: string) => conditions.find(condition => condition.type === type);
  return of("Stalled") ?? of("Reconciling") ?? of("Ready");
}

export type Announce = (model: KubernetesObject, what: Announcement) => void;

/** An event that cannot be written is no reason to stop. */
export function createAnnounce(
  cluster: Cluster,
  { identity, clock, log }: { identity: string; clock: Clock; log: Log },
): Announce {
  return ({ metadata: { name, namespace = "", uid = "" } }, { type, reason, note }) => {
    const event = {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name: `${name.slice(0, 200)}.${randomBytes(8).toString("hex")}`, namespace },
      eventTime: new Date(clock.now()).toISOString().replace("Z", "000Z"),
      type,
      reason,
      note,
      action: "Reconcile",
      reportingController: `${modelResource.group}/operator`,
      reportingInstance: identity.slice(0, 128),
      regarding: {
        apiVersion: modelResource.apiVersion,
        kind: modelResource.kind,
        name,
        namespace,
        uid,
      },
    };
    cluster.create(event).catch((error: unknown) => {
      log.debug("an event could not be written", { model: name, error: String(error) });
    });
  };
}
