/** One served model through its life: fetched, loaded, replaced, unloaded when idle, failed; at most one piece of work at a time. */
import { EngineError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type {
  ModelFile,
  ModelOwner,
  ModelSpec,
  ModelState,
  ModelStatus,
  TransferProgress,
} from "../../contract/model.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";
import type { Backend } from "../backend.ts";
import type { Lease } from "../served-models.ts";
import { withTokensWaiting } from "../tokens-waiting.ts";
import { createIdleTimer } from "./idle-timer.ts";
import { createLoadedModel, type LoadedModel } from "./loaded-model.ts";
import type { Turns } from "./turns.ts";

/** Fetches weights; what ModelFiles does. */
export interface WeightsResolver {
  resolve(
    spec: ModelSpec,
    onProgress: (progress: TransferProgress) => void,
    signal: AbortSignal,
  ): Promise<ModelFile>;
}

/** What all served models share. */
export interface ModelSurroundings {
  files: WeightsResolver;
  openBackend: (file: ModelFile, spec: ModelSpec, signal: AbortSignal) => Promise<Backend>;
  fetches: Turns;
  loads: Turns;
  clock: Clock;
  telemetry: Telemetry;
  /** Told of whatever has to be over before the engine ends. */
  track: (work: Promise<unknown>) => void;
  /** Told of each model in memory, until it is freed. */
  hold: (loaded: LoadedModel) => void;
}

/** Work on a model: fetch, check, and load if `load` says so. */
export interface Job {
  readonly spec: ModelSpec;
  load: boolean;
  /** Rejects with the failure, or with why the work was given up. */
  readonly outcome: Promise<void>;
}

export interface ServedModel {
  spec(): ModelSpec;
  owner(): ModelOwner;
  state(): ModelState;
  /** Whether readiness waits for it. */
  readonly gate: boolean;
  status(): ModelStatus;
  loaded(): LoadedModel | undefined;
  job(): Job | undefined;
  /** New labels or a new owner for the same weights. */
  relabel(spec: ModelSpec, owner: ModelOwner): void;
  /** Starts work towards `spec`; work towards another one is given up. What is loaded goes on serving meanwhile. */
  bringUp(spec: ModelSpec, owner: ModelOwner, load: boolean): Job;
  /** For one request, of what is loaded. */
  lease(loaded: LoadedModel): Lease;
  /** Keeps the model from being unloaded while someone waits for it. */
  await(): () => void;
  keepAlive(ms: number): void;
  onChange(listener: () => void): () => void;
  /** Gives up the work, and frees the memory when the last request has ended. */
  retire(reason: EngineError): void;
}

const states = ["pending", "fetching", "loading", "ready", "unloaded", "failed"] as const;
const progressEveryMs = 100;

interface RunningJob extends Job {
  controller: AbortController;
  settle: { resolve(): void; reject(error: EngineError): void };
}

export function createServedModel(
  options: ModelSurroundings & { spec: ModelSpec; owner: ModelOwner; gate: boolean },
): ServedModel {
  const { clock, gate } = options;
  const { log, metrics } = options.telemetry;
  const listeners = new Set<() => void>();
  let { spec, owner } = options;
  let state: ModelState = "pending";
  let error: EngineError | undefined;
  let file: ModelFile | undefined;
  let progress: TransferProgress | undefined;
  let loaded: LoadedModel | undefined;
  let job: RunningJob | undefined;
  let waiting = 0;
  let keepAliveMs = keepAliveOf(owner);
  let toldMs = Number.NEGATIVE_INFINITY;
  let loadMs: number | undefined;

  const notify = () => {
    for (const listener of [...listeners]) listener();
  };

  const model = spec.name;
  const stopMeasuring = metrics.onCollect(() => {
    look();
    const load = loaded?.backend.load();
    metrics.set("echorator_slots_busy", { model }, load?.busySlots ?? 0);
    metrics.set("echorator_queue_length", { model }, load?.waiting ?? 0);
    metrics.set("echorator_tokens_waiting", { model }, load?.tokensWaiting ?? 0);
    metrics.set("echorator_kv_cache_use_ratio", { model }, toHeldShare(loaded?.backend));
    for (const label of states)
      metrics.set("echorator_model_state", { model, state: label }, label === state ? 1 : 0);
  });
  const forgetMeasures = () => {
    stopMeasuring();
    metrics.remove("echorator_slots_busy", { model });
    metrics.remove("echorator_queue_length", { model });
    metrics.remove("echorator_tokens_waiting", { model });
    metrics.remove("echorator_kv_cache_use_ratio", { model });
    for (const label of states) metrics.remove("echorator_model_state", { model, state: label });
  };

  const enter = (next: ModelState, failure?: EngineError) => {
    state = next;
    error = failure;
    if (next !== "fetching") progress = undefined;
    notify();
  };

  const unload = () => {
    if (loaded === undefined || waiting > 0 || loaded.users() > 0) return;
    loaded.retire();
    loaded = undefined;
    idle.stop();
    if (job === undefined && state !== "failed") enter("unloaded");
    log.info("model unloaded after it was idle", { model: spec.name });
  };
  const idle = createIdleTimer(clock, unload);
  const rearm = () => {
    if (loaded !== undefined && waiting === 0 && loaded.users() === 0) idle.start(keepAliveMs);
  };

  const toProgress = (current: RunningJob) => (next: TransferProgress) => {
    if (job !== current) return;
    progress = next;
    const isLast = next.completedBytes === next.totalBytes;
    if (!isLast && clock.monotonic() - toldMs < progressEveryMs) return;
    toldMs = clock.monotonic();
    notify();
  };

  /** Puts what was loaded in the place of what served before; nothing is awaited between the check and the change. */
  const install = (current: RunningJob, weights: ModelFile, backend: Backend) => {
    if (job !== current) {
      options.track(backend.close());
      return;
    }
    const old = loaded;
    loaded = createLoadedModel({ spec: current.spec, file: weights, backend, onIdle: rearm });
    options.hold(loaded);
    old?.retire();
    conclude(current, "ready");
    rearm();
  };

  const work = async (current: RunningJob) => {
    const { signal } = current.controller;
    const weights = await options.fetches.run(urgency(gate), signal, () => {
      signal.throwIfAborted();
      enter("fetching");
      return options.files.resolve(current.spec, toProgress(current), signal);
    });
    signal.throwIfAborted();
    file = weights;
    if (!current.load) return conclude(current, "unloaded");
    enter("loading");
    await options.loads.run(urgency(gate), signal, async () => {
      signal.throwIfAborted();
      const started = clock.monotonic();
      const backend = await load(options, current.spec, weights, signal);
      loadMs = clock.monotonic() - started;
      install(current, weights, withTokensWaiting(backend));
    });
  };

  const conclude = (current: RunningJob, next: ModelState) => {
    job = undefined;
    current.settle.resolve();
    enter(next);
  };

  const fail = (current: RunningJob, thrown: unknown) => {
    if (job !== current) return;
    job = undefined;
    const failure = toEngineError(thrown, current.spec);
    log.error("model cannot be served", {
      model: spec.name,
      code: failure.code,
      error: failure.message,
    });
    current.settle.reject(failure);
    enter("failed", failure);
  };

  const giveUp = (reason: EngineError) => {
    const current = job;
    job = undefined;
    current?.settle.reject(reason);
    current?.controller.abort();
  };

  /** A backend that was given up is found out when someone looks at the model. */
  const look = () => {
    const failure = loaded?.backend.failure();
    if (loaded === undefined || failure === undefined) return;
    log.error("model was given up", { model: spec.name, error: failure.message });
    loaded.retire();
    loaded = undefined;
    idle.stop();
    if (job === undefined) enter("failed", failure);
  };

  const status = (): ModelStatus => {
    look();
    const facts = loaded?.backend.facts();
    return {
      spec,
      owner,
      state,
      progress,
      error: error && { code: error.code, message: error.message, remedy: error.remedy },
      file,
      contextTokens: facts?.contextTokens,
      memoryBytes: facts?.memoryBytes,
      loadMs: loaded === undefined ? undefined : loadMs,
      expiresMs: idle.expiresMs(),
    };
  };

  return {
    gate,
    spec: () => spec,
    owner: () => owner,
    state() {
      look();
      return state;
    },
    loaded() {
      look();
      return loaded;
    },
    job: () => job,
    status,
    relabel(next, by) {
      if (by !== owner) keepAliveMs = keepAliveOf(by);
      spec = next;
      owner = by;
      rearm();
      notify();
    },
    bringUp(next, by, wantsLoad) {
      giveUp(superseded(next.name));
      if (by !== owner) keepAliveMs = keepAliveOf(by);
      spec = next;
      owner = by;
      file = loaded?.file;
      const current = createJob(next, wantsLoad);
      job = current;
      enter("pending");
      options.track(work(current).catch(thrown => fail(current, thrown)));
      return current;
    },
    lease(used) {
      idle.stop();
      const end = used.use();
      const { backend } = used;
      const { contextTokens, memoryBytes } = backend.facts();
      // What this request gets may be what is being replaced.
      const { spec: own, file: weights } = used;
      return {
        status: { ...status(), spec: own, file: weights, contextTokens, memoryBytes },
        backend,
        [Symbol.dispose]: end,
      };
    },
    await() {
      waiting += 1;
      idle.stop();
      return () => {
        waiting -= 1;
        rearm();
      };
    },
    keepAlive(ms) {
      keepAliveMs = ms;
      rearm();
      notify();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    retire(reason) {
      giveUp(reason);
      idle.stop();
      loaded?.retire();
      loaded = undefined;
      forgetMeasures();
      notify();
    },
  };
}

/** How much of its room for keys and values the model uses; 0 where it does not say. */
function toHeldShare(backend: Backend | undefined): number {
  if (backend === undefined) return 0;
  const { slots, contextTokens } = backend.facts();
  return (backend.load().heldTokens ?? 0) / (slots * contextTokens);
}

/** Models that readiness waits for go first. */
function urgency(gate: boolean): number {
  return gate ? 1 : 0;
}

function keepAliveOf(owner: ModelOwner): number {
  return owner === "stack" ? Number.POSITIVE_INFINITY : limits.keepAliveMsDefault;
}

function createJob(spec: ModelSpec, load: boolean): RunningJob {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => undefined);
  const controller = new AbortController();
  return { spec, load, outcome: promise, controller, settle: { resolve, reject } };
}

/** Opens the backend; one that comes too late is closed again. */
async function load(
  options: ModelSurroundings,
  spec: ModelSpec,
  file: ModelFile,
  wanted: AbortSignal,
): Promise<Backend> {
  const { clock, telemetry } = options;
  const over = new AbortController();
  const late = Promise.withResolvers<never>();
  const started = clock.monotonic();
  const signal = AbortSignal.any([wanted, over.signal]);
  signal.addEventListener("abort", () => late.reject(tooSlow(spec)), { once: true });
  late.promise.catch(() => undefined);
  const timer = new AbortController();
  void clock.sleep(limits.loadMsMax, timer.signal).then(() => {
    if (!timer.signal.aborted) over.abort();
  });
  const opening = options.openBackend(file, spec, signal);
  try {
    const backend = await Promise.race([opening, late.promise]);
    // A race that both have won is decided here, so that a backend is never left open.
    if (signal.aborted) throw tooSlow(spec);
    const seconds = (clock.monotonic() - started) / 1000;
    telemetry.metrics.observe("echorator_model_load_seconds", { model: spec.name }, seconds);
    telemetry.log.info("model loaded", { model: spec.name, seconds });
    return backend;
  } catch (error) {
    if (signal.aborted)
      options.track(opening.then(backend => backend.close()).catch(() => undefined));
    throw error;
  } finally {
    timer.abort();
  }
}

function tooSlow(spec: ModelSpec): EngineError {
  return new EngineError(
    "deadline_exceeded",
    `Loading "${spec.name}" took more than ${limits.loadMsMax / 1000} seconds.`,
    {
      remedy:
        "Choose a smaller model, or look at what else the machine is doing; then apply it again.",
    },
  );
}

function superseded(name: string): EngineError {
  return new EngineError("conflict", `"${name}" was changed again before it was ready.`, {
    remedy: "Nothing to do if the newer change is the right one.",
  });
}

function toEngineError(thrown: unknown, spec: ModelSpec): EngineError {
  if (thrown instanceof EngineError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new EngineError("internal", `"${spec.name}" could not be loaded: ${reason}.`, {
    remedy: "Look into the engine's log, then apply the model again.",
    cause: thrown,
  });
}
