/** Cores: hands threads out to inference processes, so that those that compute at once never want more than there are. */
import type { Clock } from "../kit/clock.ts";
import type { Neighbours } from "./neighbours.ts";

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

export interface JoinOptions {
  /** Its process, whose CPU time is ours and no neighbour's. */
  pid: number | undefined;
  /** Threads that are of use to it. */
  most: number;
  /** Compute with so many threads from the next batch on, 0 = pause; then `confirm(grant)`. */
  onGrant: (threads: number, grant: number) => void;
}

export interface Cores {
  readonly usable: number;
  join(options: JoinOptions): CoreMember;
  /** Threads in use by all members together, as far as they were told; for tests and metrics. */
  inUse(): number;
}

export interface CoresOptions {
  usable: number;
  clock: Clock;
  /** How long a member keeps its cores while another waits for one. */
  sliceMs?: number;
  /** Without it, nobody else is thought to use the cores. */
  neighbours?: Neighbours;
}

interface Member extends JoinOptions {
  wants: boolean;
  /** What it was told last, and the number of that grant. */
  granted: number;
  grant: number;
  /** What it may still compute with: the larger of what it was told and what it has confirmed. */
  held: number;
}

const defaultSliceMs = 200;
const watchMs = 250;
/** A neighbour that takes less of a core than this does not cost us one. */
const tolerated = 0.35;

/**
 * Every change is one plan over all members: shares that sum to at most `usable`, whoever is in front of the line first.
 * Threads go to the next only after the one before has confirmed that it let go of them.
 */
export function createCores(options: CoresOptions): Cores {
  /** The busy ones in front are served first; a turn moves those that had one to the end. */
  const line: Member[] = [];
  let turning = false;
  let watching = false;
  /** Cores that neighbours use; believed at once when it grows, slowly when it shrinks. */
  let taken = 0;
  let limit = options.usable;

  const look = () => {
    const pids = line.flatMap(member => member.pid ?? []);
    const seen = options.neighbours?.sample(pids);
    if (seen === undefined) return;
    taken = Math.max(seen.busy, 0.7 * taken + 0.3 * seen.busy);
    const free = Math.floor(seen.allowed - taken + tolerated);
    limit = Math.max(1, Math.min(options.usable, free));
  };

  const watch = async () => {
    if (watching || options.neighbours === undefined || options.usable === 1) return;
    watching = true;
    while (line.some(member => member.wants)) {
      const before = limit;
      look();
      if (limit !== before) deal();
      await options.clock.sleep(watchMs);
    }
    watching = false;
  };

  const inUse = () => line.reduce((sum, member) => sum + member.held, 0);

  const deal = () => {
    const shares = planShares(
      line.map(member => (member.wants ? member.most : 0)),
      limit,
    );
    // First those that must let go, then those that may take what is really free.
    line.forEach((member, index) => {
      const share = shares[index] ?? 0;
      if (share < member.granted) tell(member, share);
    });
    line.forEach((member, index) => {
      const free = limit - inUse();
      const share = Math.min(shares[index] ?? 0, member.held + Math.max(0, free));
      if (share > member.granted) tell(member, share);
    });
    void takeTurns();
  };

  const takeTurns = async () => {
    const starved = () => line.filter(member => member.wants).length > limit;
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
    join(joined) {
      const member: Member = { ...joined, wants: false, granted: 0, grant: 0, held: 0 };
      line.push(member);
      return {
        busy() {
          if (member.wants || !line.includes(member)) return;
          member.wants = true;
          // To the end of the line, so that short bursts do not push aside who has waited.
          line.splice(line.indexOf(member), 1);
          line.push(member);
          look();
          deal();
          void watch();
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
