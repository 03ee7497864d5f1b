/** Election: which of the processes that share a Lease leads; at most one at a time, and another soon after it is gone. */
import type { KubernetesObject } from "../../contract/kubernetes.ts";
import type { Clock } from "../../kit/clock.ts";

/** What a Lease says, and what this process makes of it. Times are of this process's own clock alone: clocks of machines differ. */
export interface LeaseView {
  holder: string | undefined;
  /** Changes at each renewal, whoever makes it. */
  stamp: string;
  seconds: number;
}

export const leaseSeconds = 15;
export const renewMs = 5_000;

export type ElectionStep = "lead" | "renew" | "take" | "wait";

export interface Election {
  /** What is to be done with the Lease as it is now; a Lease that was not renewed for its time is free. */
  step(view: LeaseView | undefined): ElectionStep;
  /** A renewal or take-over was written. */
  written(): void;
  /** Whether this process leads; false before its own renewal could have run out. */
  leads(): boolean;
  /** Somebody else does, or it is not known. */
  lost(): void;
}

export function createElection(identity: string, clock: Pick<Clock, "monotonic">): Election {
  let stamp: string | undefined;
  let seenMs = 0;
  let writtenMs: number | undefined;
  const leads = () =>
    writtenMs !== undefined && clock.monotonic() - writtenMs < (leaseSeconds - 5) * 1_000;
  return {
    leads,
    step(view) {
      const nowMs = clock.monotonic();
      if (view === undefined) return "take";
      if (view.stamp !== stamp) {
        stamp = view.stamp;
        seenMs = nowMs;
      }
      if (view.holder === identity) {
        const isDue = writtenMs === undefined || nowMs - writtenMs >= renewMs;
        return isDue ? "renew" : "lead";
      }
      writtenMs = undefined;
      if (view.holder === undefined || nowMs - seenMs >= view.seconds * 1_000) return "take";
      return "wait";
    },
    written() {
      writtenMs = clock.monotonic();
    },
    lost() {
      writtenMs = undefined;
    },
  };
}

export function toLeaseView(lease: KubernetesObject | undefined): LeaseView | undefined {
  if (lease === undefined) return undefined;
  const spec = (lease.spec ?? {}) as {
    holderIdentity?: string;
    renewTime?: string;
    leaseTransitions?: number;
    leaseDurationSeconds?: number;
  };
  return {
    holder: spec.holderIdentity === "" ? undefined : spec.holderIdentity,
    stamp: `${spec.holderIdentity} ${spec.renewTime} ${spec.leaseTransitions}`,
    seconds: spec.leaseDurationSeconds ?? leaseSeconds,
  };
}

/** RFC 3339 with microseconds, as Leases have it. */
export function toMicroTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}
