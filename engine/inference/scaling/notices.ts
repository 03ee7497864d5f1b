/** Notices: one Lease by which gateways elect who scales, and on whose annotations they tell each other what they want. */
import type { KubernetesObject } from "../../contract/kubernetes.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Cluster } from "../../kubernetes/cluster.ts";
import { kinds } from "../../kubernetes/kinds.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";
import {
  loadKey,
  type Post,
  parsePost,
  postsOf,
  renderPost,
  renderTakenBack,
  type TakenBack,
  takenBackOf,
} from "./board.ts";
import { createElection, leaseSeconds, toLeaseView, toMicroTime } from "./election.ts";

export interface NoticesOptions {
  cluster: Cluster;
  namespace: string;
  leaseName: string;
  instance: string;
  mayLead: boolean;
  onChange: () => void;
  /** Aborted when this gateway ends: what still waits for the first list waits no longer. */
  signal: AbortSignal;
  clock: Clock;
  telemetry: Telemetry;
}

export interface Notices {
  leads(): boolean;
  /** Renews, takes or leaves the lead, and tells what this gateway wants when there is something to tell. */
  post(demand: Post, now?: boolean): Promise<void>;
  /** What the other gateways want, as far as they told it lately. */
  others(): Post[];
  takenBack(): TakenBack[];
  tell(taken: TakenBack): Promise<void>;
  /** Leaves the lead to another at once. */
  close(): Promise<void>;
}

/** A post that was not renewed for so long is of a gateway that wants nothing, or is gone. */
const postMs = 15_000;
/** The leader takes posts down that nobody renews. */
const postGoneMs = 120_000;

export function createNotices(options: NoticesOptions): Notices {
  const { cluster, namespace, leaseName: name, instance, signal, clock, telemetry } = options;
  const ended = new Promise<void>(resolve => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  const ref = { kind: kinds.lease, name, namespace };
  const election = createElection(instance, clock);
  const ownKey = loadKey(instance);
  /** When each post was seen first as it is now. */
  const seen = new Map<string, { text: string; seenMs: number }>();
  let posts = 0;
  let postedMs = -Infinity;
  let wasLeading = false;
  /** Told by this gateway and not written yet. */
  const untold = new Map<string, string>();

  const informer = cluster.inform(
    kinds.lease,
    { namespace, fields: `metadata.name=${name}` },
    () => {
      look();
      options.onChange();
    },
  );
  const lease = () => informer.objects.get(`${namespace}/${name}`);
  const annotations = () => lease()?.metadata.annotations ?? {};
  const look = () => {
    const nowMs = clock.monotonic();
    const current = postsOf(annotations());
    for (const [key, text] of current)
      if (seen.get(key)?.text !== text) seen.set(key, { text, seenMs: nowMs });
    for (const key of [...seen.keys()]) if (!current.has(key)) seen.delete(key);
  };

  const say = (isLeading: boolean) => {
    if (isLeading !== wasLeading)
      telemetry.log.info(isLeading ? "this gateway scales the models" : "another gateway scales");
    wasLeading = isLeading;
  };

  const campaign = async () => {
    const current = lease();
    const step = election.step(toLeaseView(current));
    if (step === "lead" || step === "wait") return;
    const spec = toSpec(current, instance, clock.now());
    try {
      if (current === undefined) await cluster.create(newLease(namespace, name, spec));
      else {
        const { resourceVersion } = current.metadata;
        const metadata = resourceVersion === undefined ? {} : { resourceVersion };
        // Two that take it at once cannot both have seen the newest version.
        await cluster.merge(ref, { metadata, spec });
      }
      election.written();
    } catch (error) {
      if (!isRace(error)) throw error;
    }
  };

  const merge = async (patch: Record<string, string | null>) => {
    if (lease() === undefined) return;
    await cluster.merge(ref, { metadata: { annotations: patch } });
  };
  const tellAll = async () => {
    if (untold.size === 0 || lease() === undefined) return;
    const telling = [...untold];
    await merge(Object.fromEntries(telling));
    for (const [key, value] of telling) if (untold.get(key) === value) untold.delete(key);
  };
  const clean = async () => {
    const nowMs = clock.monotonic();
    const gone = [...seen].filter(([, { seenMs }]) => nowMs - seenMs > postGoneMs);
    if (gone.length > 0) await merge(Object.fromEntries(gone.map(([key]) => [key, null])));
  };

  return {
    leads: election.leads,
    async post(demand, now = false) {
      // An API server that is away, or refuses, must not hold up the end of the gateway.
      await Promise.race([informer.synced(), ended]);
      if (signal.aborted) return;
      if (options.mayLead) await campaign();
      say(election.leads());
      await tellAll();
      const isWanting = [...demand.values()].some(
        one => one.held + one.running > 0 || (one.lastUsedMs ?? 0) > clock.now() - postMs,
      );
      const isDue = clock.monotonic() - postedMs >= (now ? 1_000 : postMs / 3);
      if (isWanting && isDue && !election.leads()) {
        postedMs = clock.monotonic();
        await merge({ [ownKey]: renderPost(demand, posts++) });
      }
      if (election.leads()) await clean();
    },
    others() {
      const nowMs = clock.monotonic();
      return [...seen]
        .filter(([key, { seenMs }]) => key !== ownKey && nowMs - seenMs < postMs)
        .map(([, { text }]) => parsePost(text));
    },
    takenBack: () => takenBackOf(annotations()),
    async tell(taken) {
      untold.set(...renderTakenBack(taken));
      await tellAll();
    },
    async close() {
      const current = lease();
      const isOwn = toLeaseView(current)?.holder === instance;
      election.lost();
      informer.close();
      if (!isOwn || current === undefined) return;
      const { resourceVersion } = current.metadata;
      const metadata = resourceVersion === undefined ? {} : { resourceVersion };
      // Whoever comes next need not wait until it has run out.
      await cluster.merge(ref, { metadata, spec: { holderIdentity: "" } }).catch(() => undefined);
    },
  };
}

function toSpec(lease: KubernetesObject | undefined, instance: string, nowMs: number) {
  const before = (lease?.spec ?? {}) as { holderIdentity?: string; leaseTransitions?: number };
  const renewed = { holderIdentity: instance, renewTime: toMicroTime(nowMs) };
  const isNew = before.holderIdentity !== instance;
  return {
    ...renewed,
    leaseDurationSeconds: leaseSeconds,
    ...(isNew
      ? {
          acquireTime: toMicroTime(nowMs),
          leaseTransitions: (before.leaseTransitions ?? 0) + (lease === undefined ? 0 : 1),
        }
      : {}),
  };
}

function newLease(
  namespace: string,
  name: string,
  spec: ReturnType<typeof toSpec>,
): KubernetesObject {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { namespace, name },
    spec,
  };
}

/** Another was faster; what it wrote comes by the watch. */
function isRace(error: unknown): boolean {
  const { apiReason } = error as { apiReason?: unknown };
  return apiReason === "Conflict" || apiReason === "AlreadyExists";
}
