/** WorkerPool: the workers of one model as a gateway sees them: opened when they accept, left out when they fail, closed when they are gone. */
import type { RouteConfig } from "../../contract/config.ts";
import { EngineError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Random } from "../../kit/random.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";
import type { Backend } from "../backend.ts";
import type { Track, WorkerAddress } from "./catalog.ts";
import { waitUnlessHeldUp } from "./held-up.ts";

/** A Backend; one on another machine also says what all gateways together have running there. */
export type WorkerBackend = Backend & {
  reported?: () => { busySlots: number; waiting: number } | undefined;
};

export type OpenWorker = (
  address: WorkerAddress,
  route: RouteConfig,
  signal: AbortSignal,
) => WorkerBackend | Promise<WorkerBackend>;

export interface Worker {
  readonly id: string;
  readonly track: Track;
  readonly backend: WorkerBackend;
  /** Aborts when it has to be given up for dead: what runs there goes on elsewhere. */
  readonly lost: AbortSignal;
  /** Something came from it just now. */
  alive(): void;
  /** A request runs there until the result is called. */
  enter(): () => void;
}

export interface WorkerPool {
  /** What the catalog says now. */
  update(route: RouteConfig, addresses: readonly WorkerAddress[]): void;
  /** That may be sent requests now. */
  usable(track: Track): Worker[];
  /** All that are open, the ones that are drained and left out included. */
  opened(): Worker[];
  states(): { usable: number; ejected: number; draining: number; opening: number };
  /** It failed a request: nothing is sent there until it gives a sign of life. */
  eject(worker: Worker, error: EngineError): void;
  close(): Promise<void>;
}

export interface WorkerPoolOptions {
  model: string;
  openWorker: OpenWorker;
  /** Something may be usable that was not. */
  onChange: () => void;
  onGone: (id: string) => void;
  clock: Clock;
  /** Gateways do not all ask at the same moment. */
  random: Random;
  telemetry: Telemetry;
}

export const timing = {
  /** Pause before a worker that failed is asked for a sign of life; doubled up to the second. */
  probeMs: 200,
  probeMsMax: 5_000,
  /** Between two questions to a worker that starts: requests may be held for it. */
  startingMs: 75,
  /** How long it may take to give one. */
  probeWaitMs: 500,
  /** A worker with running requests that says nothing for so long is asked as well. */
  silenceMs: 400,
  /** After so many questions without an answer its running requests go elsewhere. */
  silencesMax: 3,
} as const;

interface Member {
  address: WorkerAddress;
  /** Gone from the catalog: closed when nothing runs any more. */
  isGone: boolean;
  /** It was said to accept at least once: from then on the catalog knows best. */
  wasAccepting: boolean;
  backend: WorkerBackend | undefined;
  worker: Worker | undefined;
  isEjected: boolean;
  isProbed: boolean;
  silences: number;
  running: number;
  lastSignMs: number;
  lost: AbortController;
  ended: AbortController;
}

export function createWorkerPool(options: WorkerPoolOptions): WorkerPool {
  const { clock, random, telemetry, model } = options;
  const log = telemetry.log.with({ model });
  const members = new Map<string, Member>();
  const closing = new Set<Promise<void>>();
  let route: RouteConfig | undefined;
  let isWatching = false;
  let isClosed = false;

  const close = (member: Member) => {
    members.delete(member.address.id);
    member.ended.abort();
    options.onGone(member.address.id);
    const closed = Promise.resolve(member.backend?.close())
      .catch((error: Error) => log.debug("a worker did not close well", { error: error.message }))
      .finally(() => closing.delete(closed));
    closing.add(closed);
  };
  const closeIfDone = (member: Member) => {
    if (member.isGone && member.running === 0 && members.get(member.address.id) === member)
      close(member);
  };

  const open = async (member: Member) => {
    let isSaid = false;
    for (let pauseMs: number = timing.probeMs; !member.ended.signal.aborted; ) {
      if (isTaking(member) && route !== undefined) {
        try {
          const backend = await options.openWorker(member.address, route, member.ended.signal);
          if (member.ended.signal.aborted) return void (await backend.close());
          member.backend = backend;
          member.worker = toWorker(member, backend);
          return options.onChange();
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          // A start is everyday; what lasts, somebody has to mend.
          const lasts: boolean = pauseMs >= timing.probeMsMax && !isSaid;
          isSaid ||= lasts;
          const fields = { worker: member.address.id, why };
          log[lasts ? "warn" : "debug"]("a worker cannot be opened yet", fields);
        }
      }
      const failed = member.address.accepting;
      await clock.sleep(
        (failed ? pauseMs : timing.startingMs) * (0.75 + random() / 2),
        member.ended.signal,
      );
      if (failed) pauseMs = Math.min(pauseMs * 2, timing.probeMsMax);
    }
  };

  const toWorker = (member: Member, backend: WorkerBackend): Worker => ({
    id: member.address.id,
    track: member.address.track,
    backend,
    lost: member.lost.signal,
    alive() {
      member.lastSignMs = clock.monotonic();
      member.silences = 0;
    },
    enter() {
      if (member.running === 0) member.lastSignMs = clock.monotonic();
      member.running += 1;
      void watchSilence();
      let isIn = true;
      return () => {
        if (!isIn) return;
        isIn = false;
        member.running -= 1;
        closeIfDone(member);
      };
    },
  });

  /** Whether it answers a question that costs it nothing, soon. */
  const answers = async (member: Member): Promise<boolean> => {
    const { backend } = member;
    if (backend === undefined || backend.failure() !== undefined) return false;
    const over = new AbortController();
    const waitMs = member.address.isOthers ? limits.workerAnswerMs : timing.probeWaitMs;
    const late = waitUnlessHeldUp(clock, waitMs, over.signal).then(() => false);
    const answer = backend.countTokens({ kind: "prompt", prompt: "." }).then(
      () => true,
      () => false,
    );
    const isAlive = await Promise.race([answer, late]);
    over.abort();
    return isAlive;
  };

  const probeUntilAlive = async (member: Member) => {
    if (member.isProbed) return;
    member.isProbed = true;
    let pauseMs: number = timing.probeMs;
    while (member.isEjected && !member.ended.signal.aborted) {
      await clock.sleep(pauseMs * (0.75 + random() / 2), member.ended.signal);
      pauseMs = Math.min(pauseMs * 2, timing.probeMsMax);
      if (member.ended.signal.aborted || !(await answers(member))) continue;
      member.isEjected = false;
      member.silences = 0;
      member.lastSignMs = clock.monotonic();
      log.info("a worker is back", { worker: member.address.id });
      options.onChange();
    }
    member.isProbed = false;
  };

  const eject = (member: Member, error: EngineError) => {
    if (member.isEjected) return;
    member.isEjected = true;
    telemetry.metrics.add("echorator_worker_ejections_total", { model });
    log.warn("a worker is left out", {
      worker: member.address.id,
      code: error.code,
      why: error.message,
    });
    void probeUntilAlive(member);
  };

  /** Runs while something runs: a worker whose machine is gone closes no connection. */
  const watchSilence = async () => {
    if (isWatching) return;
    isWatching = true;
    while (!isClosed && [...members.values()].some(isWatched)) {
      await clock.sleep(timing.silenceMs / 2);
      const now = clock.monotonic();
      const silent = [...members.values()].filter(
        member => isWatched(member) && now - member.lastSignMs >= timing.silenceMs,
      );
      await Promise.all(silent.map(askSilent));
    }
    isWatching = false;
  };

  const askSilent = async (member: Member) => {
    if (await answers(member)) {
      member.lastSignMs = clock.monotonic();
      member.silences = 0;
      return;
    }
    const why = silent(member.address.id);
    member.silences += 1;
    eject(member, why);
    if (member.silences < timing.silencesMax) return;
    member.lost.abort(why);
    member.lost = new AbortController();
    if (member.backend !== undefined) member.worker = toWorker(member, member.backend);
    member.silences = 0;
  };

  return {
    update(next, addresses) {
      route = next;
      const current = new Set(addresses.map(address => address.id));
      for (const address of addresses) {
        const member = members.get(address.id);
        // Another address or other weights under a known name is another worker.
        const isSame =
          member?.address.url === address.url && member.address.track === address.track;
        if (member !== undefined && isSame) {
          member.wasAccepting ||= address.accepting;
          Object.assign(member, { address, isGone: false });
          continue;
        }
        if (member !== undefined) close(member);
        const fresh = newMember(address, clock.monotonic());
        members.set(address.id, fresh);
        void open(fresh);
      }
      for (const member of [...members.values()])
        if (!current.has(member.address.id)) {
          member.isGone = true;
          closeIfDone(member);
        }
      options.onChange();
    },
    usable: track =>
      [...members.values()].flatMap(member => {
        const { worker, isEjected, isGone, backend } = member;
        return worker !== undefined &&
          isTaking(member) &&
          member.address.track === track &&
          !isEjected &&
          !isGone &&
          backend?.failure() === undefined
          ? [worker]
          : [];
      }),
    opened: () =>
      [...members.values()].flatMap(({ worker }) => (worker === undefined ? [] : [worker])),
    states() {
      const states = { usable: 0, ejected: 0, draining: 0, opening: 0 };
      for (const member of members.values()) {
        const isStarting = member.address.starting === true && !member.wasAccepting;
        if (member.isGone || !(member.address.accepting || isStarting)) states.draining += 1;
        else if (member.worker === undefined) states.opening += 1;
        else if (member.isEjected) states.ejected += 1;
        else states.usable += 1;
      }
      return states;
    },
    eject(worker, error) {
      const member = members.get(worker.id);
      if (member?.backend === worker.backend) eject(member, error);
    },
    async close() {
      isClosed = true;
      for (const member of [...members.values()]) close(member);
      await Promise.all(closing);
    },
  };
}

/** Its own deadline and the silence on its connection are enough for a server of others. */
function isWatched({ address, running }: Member): boolean {
  return running > 0 && address.isOthers !== true;
}

/** New requests may go there: it is said to accept, or it starts and has answered for itself. */
function isTaking({ address, wasAccepting }: Member): boolean {
  return address.accepting || (address.starting === true && !wasAccepting);
}

function newMember(address: WorkerAddress, nowMs: number): Member {
  return {
    ...{
      address,
      isGone: false,
      wasAccepting: address.accepting,
      backend: undefined,
      worker: undefined,
    },
    ...{ isEjected: false, isProbed: false, silences: 0, running: 0, lastSignMs: nowMs },
    ...{ lost: new AbortController(), ended: new AbortController() },
  };
}

function silent(id: string): EngineError {
  return new EngineError("model_crashed", `The worker ${id} gives no sign of life.`);
}
