/** Lead: of all operators of an installation one acts, by a Lease; another takes over soon after it is gone. */

import type { KubernetesObject } from "../contract/kubernetes.ts";
import {
  createElection,
  leaseSeconds,
  toLeaseView,
  toMicroTime,
} from "../inference/scaling/election.ts";
import type { Clock } from "../kit/clock.ts";
import type { Cluster } from "../kubernetes/cluster.ts";
import { kinds } from "../kubernetes/kinds.ts";
import type { Log } from "../telemetry/telemetry.ts";

export interface LeadOptions {
  cluster: Cluster;
  namespace: string;
  leaseName: string;
  identity: string;
  /** Told at every change; acting has to end when it is false. */
  onChange: (leads: boolean) => void;
  clock: Clock;
  log: Log;
}

export interface Lead {
  leads(): boolean;
  /** Leaves the lead to another at once. */
  close(): Promise<void>;
}

const tickMs = 1_000;
/** How long the lead is given back for; without an answer it runs out by itself. */
const closeMsMax = 2_000;

export function createLead(options: LeadOptions): Lead {
  const { cluster, namespace, leaseName: name, identity, clock, log } = options;
  const ref = { kind: kinds.lease, name, namespace };
  const election = createElection(identity, clock);
  const closing = new AbortController();
  let wasLeading = false;

  async function step(): Promise<void> {
    const lease = await cluster.get(ref);
    const wanted = election.step(toLeaseView(lease));
    if (wanted === "lead" || wanted === "wait") return;
    await write(lease, wanted === "take");
    election.written();
  }

  async function write(lease: KubernetesObject | undefined, isTaken: boolean): Promise<void> {
    const now = toMicroTime(clock.now());
    const before = (lease?.spec ?? {}) as { leaseTransitions?: number };
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: leaseSeconds,
      renewTime: now,
      ...(isTaken
        ? { acquireTime: now, leaseTransitions: (before.leaseTransitions ?? 0) + 1 }
        : {}),
    };
    if (lease === undefined) {
      const { apiVersion, kind } = kinds.lease;
      await cluster.create({ apiVersion, kind, metadata: { name, namespace }, spec });
      return;
    }
    // The version makes it fail when another was faster.
    const metadata = { resourceVersion: lease.metadata.resourceVersion };
    await cluster.merge(ref, { metadata, spec });
  }

  function tell(): void {
    const leads = election.leads() && !closing.signal.aborted;
    if (leads === wasLeading) return;
    wasLeading = leads;
    log.info(leads ? "this operator leads" : "this operator stands by", { identity });
    options.onChange(leads);
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      await step().catch((error: unknown) => {
        log.debug("the lease could not be renewed", { error: String(error) });
      });
      tell();
      await clock.sleep(tickMs, closing.signal);
    }
  }

  async function giveBack(): Promise<void> {
    await running;
    await cluster.merge(ref, { spec: { holderIdentity: "" } }).catch(() => undefined);
  }

  const running = run();
  return {
    leads: () => election.leads() && !closing.signal.aborted,
    async close() {
      closing.abort();
      const mine = wasLeading;
      tell();
      // An API server that answers nothing must not keep the operator from ending in its grace.
      if (mine) await Promise.race([giveBack(), clock.sleep(closeMsMax)]);
    },
  };
}
