/** Cores: hands threads out to inference processes, so that those that compute at once never want more than there are. */
import type { Clock } from "../kit/clock.ts";

export { usableCores } from "./usable-cores.ts";

export interface CoreMember {
  /** It has work: asks for threads. */
  busy(): void;
  /** It has none and computes no more: gives them back. */
  idle(): void;
  /** The grant of this number is in force: what it computes from now on keeps to it. */
  confirm(grant: number): void;
  /** It is gone. */
  leave(): void;
}

export interface Cores {
  readonly usable: number;
  /**
   * `most`: threads that are of use to this member.
   * `onGrant`: compute with so many threads from the next batch on, 0 = pause; then `confirm(grant)`.
   */
  join(most: number, onGrant: (threads: number, grant: number) => void): CoreMember;
  /** Threads in use by all members together, as far as they were told; for tests and metrics. */
  inUse(): number;
}

export interface CoresOptions {
  usable: number;
  clock: Clock;
  /** How long a member keeps its cores while another waits for one. */
  sliceMs?: number;
}

interface Member {
  most: number;
  onGrant: (threads: number, grant: number) => void;
  wants: boolean;
  /** What it was told last, and the number of that grant. */
  granted: number;
  grant: number;
  /** What it may still compute with: the larger of what it was told and what it has confirmed. */
  held: number;
}

const defaultSliceMs = 200;

/**
 * Every change is one plan over all members: shares that sum to at most `usable`, whoever is in front of the line first.
 * Threads go to the next only after the one before has confirmed that it let go of them.
 */
export function createCores(options: CoresOptions): Cores {
  /** The busy ones in front are served first; a turn moves those that had one to the end. */
  const line: Member[] = [];
  let turning = false;

  const inUse = () => line.reduce((sum, member) => sum + member.held, 0);

  const deal = () => {
    const shares = planShares(
      line.map(member => (member.wants ? member.most : 0)),
      options.usable,
    );
    // First those that must let go, then those that may take what is really free.
    line.forEach((member, index) => {
      const share = shares[index] ?? 0;
      if (share < member.granted) tell(member, share);
    });
    line.forEach((member, index) => {
      const free = options.usable - inUse();
      const share = Math.min(shares[index] ?? 0, member.held + free);
      if (share > member.granted) tell(member, share);
    });
    void takeTurns();
  };

  const takeTurns = async () => {
    const starved = () => line.filter(member => member.wants).length > options.usable;
    if (turning || !starved()) return;
    turning = true;
    await options.clock.sleep(options.sliceMs ?? defaultSliceMs);
    turning = false;
    if (!starved()) return;
    const served = line.filter(member => member.wants && member.granted > 0);
    for (const member of served) {
      line.splice(line.indexOf(member), 1);
      line.push(member);
    }
    deal();
  };

  return {
    usable: options.usable,
    inUse,
    join(most, onGrant) {
      const member: Member = { most, onGrant, wants: false, granted: 0, grant: 0, held: 0 };
      line.push(member);
      return {
        busy() {
          if (member.wants || !line.includes(member)) return;
          member.wants = true;
          // To the end of the line, so that short bursts do not push aside who has waited.
          line.splice(line.indexOf(member), 1);
          line.push(member);
          deal();
        },
        idle() {
          if (!member.wants) return;
          member.wants = false;
          tell(member, 0);
          member.held = 0;
          deal();
        },
        confirm(grant) {
          // A confirmation of an older grant says nothing about the newer one.
          if (grant !== member.grant || member.held === member.granted) return;
          member.held = member.granted;
          deal();
        },
        leave() {
          const index = line.indexOf(member);
          if (index < 0) return;
          line.splice(index, 1);
          member.wants = false;
          deal();
        },
      };
    },
  };
}

function tell(member: Member, threads: number): void {
  member.granted = threads;
  member.grant += 1;
  member.held = Math.max(member.held, threads);
  member.onGrant(threads, member.grant);
}

/** One each in the order of the line, round after round, while there are any and someone has use for more. */
export function planShares(wants: readonly number[], usable: number): number[] {
  const shares = wants.map(() => 0);
  let rest = usable;
  for (let round = 0; round < usable && rest > 0; round++)
    wants.forEach((most, index) => {
      if (round >= most || rest === 0) return;
      shares[index] = round + 1;
      rest -= 1;
    });
  return shares;
}
