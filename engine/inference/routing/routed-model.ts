/** One model of a gateway: its workers, its held requests, and what it says of itself. */
import { EngineError } from "../../contract/errors.ts";
import type { ModelState, ModelStatus } from "../../contract/model.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Random } from "../../kit/random.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";
import type { Lease } from "../served-models.ts";
import type { CatalogEntry } from "./catalog.ts";
import { createDemandMeter, type ModelDemand } from "./demand.ts";
import { createDispatcher } from "./dispatcher.ts";
import { createForgotten } from "./forgotten.ts";
import { createHold } from "./hold.ts";
import { createRoutedBackends } from "./routed-backend.ts";
import { createTracks, type Tracks } from "./tracks.ts";
import {
  createWorkerPool,
  type OpenWorker,
  type Worker,
  type WorkerBackend,
} from "./worker-pool.ts";

export interface RoutedModel {
  update(entry: CatalogEntry): void;
  entry(): CatalogEntry;
  status(): ModelStatus;
  /** @throws EngineError model_not_ready, overloaded, cancelled */
  acquire(signal: AbortSignal): Promise<Lease>;
  forget(cacheScope: string): void;
  tracks: Tracks;
  /** What the scaler goes by. */
  demand(): ModelDemand;
  close(): Promise<void>;
}

export interface RoutedModelOptions {
  openWorker: OpenWorker;
  /** A request waits for a worker. */
  wake: () => void;
  onTakenBack: (trial: string, reason: string) => void;
  holdMs: number;
  clock: Clock;
  random: Random;
  telemetry: Telemetry;
}

/** Of the requests that were held, how many go out to one slot before earlier ones have ended. */
const heldPerSlot = 2;

/** How often it is said again that requests wait. */
const wakeEveryMs = 2_000;
/** How often held requests try full workers, which other gateways may fill. */
const lookEveryMs = 250;

export function createRoutedModel(first: CatalogEntry, options: RoutedModelOptions): RoutedModel {
  const { clock, random, telemetry } = options;
  const model = first.route.spec.name;
  let entry = first;
  let leases = 0;
  let lastUsedMs: number | undefined;
  let isWaking = false;
  let isClosed = false;

  const dispatcher = createDispatcher();
  const meter = createDemandMeter(clock);
  const forgotten = createForgotten();
  const hold = createHold({ model, holdMs: options.holdMs, clock });
  const tracks = createTracks({ model, telemetry, onTakenBack: options.onTakenBack });
  const pool = createWorkerPool({
    ...{ model, openWorker: options.openWorker, clock, random, telemetry },
    onChange() {
      forgotten.tell(reachable());
      letIn();
    },
    onGone: id => dispatcher.forget(id),
  });
  const reachable = () => toBackends([...pool.usable("stable"), ...pool.usable("canary")]);
  const usable = () => [
    ...pool.usable("stable"),
    ...(tracks.isOpen("canary") ? pool.usable("canary") : []),
  ];
  /** Held requests go out as fast as the workers take them, and no faster. */
  const letIn = () => {
    const workers = usable();
    if (workers.length === 0) return;
    hold.admitUnderWay();
    const slots = workers.reduce((sum, worker) => sum + worker.backend.facts().slots, 0);
    hold.admit(Math.max(0, slots * heldPerSlot - leases));
  };
  const wake = async () => {
    if (isWaking) return;
    isWaking = true;
    do {
      const isThere = usable().length > 0;
      if (isThere) letIn();
      else options.wake();
      await clock.sleep(isThere ? lookEveryMs : wakeEveryMs);
    } while (!isClosed && hold.waiting() > 0);
    isWaking = false;
  };
  const backends = createRoutedBackends({
    ...{ model, pool, dispatcher, tracks, hold, meter, clock, telemetry },
    sampling: () => entry.route.spec.sampling,
    onWanting: () => void wake(),
  });
  const stopCollecting = telemetry.metrics.onCollect(() => {
    telemetry.metrics.set("echorator_held_requests", { model }, hold.waiting());
    for (const [state, count] of Object.entries(pool.states()))
      telemetry.metrics.set("echorator_workers", { model, state }, count);
  });
  tracks.update(first.route);
  pool.update(first.route, first.workers);

  const status = (): ModelStatus => {
    const workers = usable();
    return {
      spec: entry.route.spec,
      owner: "stack",
      state: workers.length > 0 ? "ready" : stateWithoutWorkers(entry),
      ...{ progress: undefined, error: undefined, file: undefined, expiresMs: undefined },
      contextTokens: workers[0]?.backend.facts().contextTokens,
      memoryBytes: workers[0]?.backend.facts().memoryBytes,
    };
  };

  return {
    tracks,
    entry: () => entry,
    update(next) {
      entry = next;
      tracks.update(next.route);
      pool.update(next.route, next.workers);
    },
    status,
    async acquire(signal) {
      if (isClosed) throw stopping();
      lastUsedMs = clock.now();
      const isHeld = hold.waiting() > 0 || usable().length === 0;
      if (isHeld) {
        const arrivedMs = clock.monotonic();
        void wake();
        // The first of them may go at once when there is a worker and only the line was not empty.
        queueMicrotask(letIn);
        await hold.enter(signal);
        const waitedMs = clock.monotonic() - arrivedMs;
        telemetry.metrics.observe("echorator_hold_seconds", { model }, waitedMs / 1000);
      }
      leases += 1;
      let isReleased = false;
      return {
        status: status(),
        backend: isHeld ? backends.patient : backends.usual,
        [Symbol.dispose]() {
          if (isReleased) return;
          isReleased = true;
          leases -= 1;
          lastUsedMs = clock.now();
          letIn();
        },
      };
    },
    forget: cacheScope => forgotten.add(cacheScope, toBackends(pool.opened()), reachable()),
    demand: () => ({ held: hold.waiting(), running: leases, lastUsedMs, ...meter.read() }),
    async close() {
      isClosed = true;
      hold.refuse(stopping);
      stopCollecting();
      await backends.usual.close();
      await pool.close();
    },
  };
}

function toBackends(workers: readonly Worker[]): WorkerBackend[] {
  return workers.map(worker => worker.backend);
}

/** None wanted, one on its way, or nobody there yet. */
function stateWithoutWorkers({ route, workers }: CatalogEntry): ModelState {
  if (workers.length > 0) return "loading";
  return route.spec.replicas?.min === 0 ? "unloaded" : "pending";
}

function stopping(): EngineError {
  return new EngineError("stopping", "The engine is stopping.");
}
