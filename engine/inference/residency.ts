/** ServedModels over one engine: what should be served is kept on disk, brought up in the background and lent to requests. */
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import {
  answersTo,
  type ModelFile,
  type ModelOwner,
  type ModelSpec,
  type ModelStatus,
} from "../contract/model.ts";
import type { Clock } from "../kit/clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Backend } from "./backend.ts";
import type { LoadedModel } from "./residency/loaded-model.ts";
import {
  ownedByStack,
  ownerAfter,
  planApply,
  planRestore,
  type Restored,
  toRecord,
} from "./residency/plan.ts";
import { readRecord, writeRecord } from "./residency/record.ts";
import {
  createServedModel,
  type Job,
  type ModelSurroundings,
  type ServedModel,
  type WeightsResolver,
} from "./residency/served-model.ts";
import { createTurns } from "./residency/turns.ts";
import { nextChange, watch } from "./residency/watch.ts";
import type { Lease, ServedModels } from "./served-models.ts";

export interface ServedModelsOptions {
  /** Models of the configuration; they belong to the stack. */
  configured: readonly ModelSpec[];
  /** `<home>/models.json`. */
  recordPath: string;
  files: WeightsResolver;
  openBackend: (file: ModelFile, spec: ModelSpec, signal: AbortSignal) => Promise<Backend>;
  clock: Clock;
  telemetry: Telemetry;
}

/** Resolves at once with every model pending, and brings them up in the background. */
export async function createServedModels(options: ServedModelsOptions): Promise<ServedModels> {
  const { configured, recordPath, clock, telemetry } = options;
  const { log } = telemetry;
  const served = new Map<string, ServedModel>();
  const running = new Set<Promise<unknown>>();
  const inMemory = new Set<LoadedModel>();
  /** One change of the record at a time. */
  const changes = createTurns(1);
  const never = new AbortController().signal;
  let isClosing = false;

  const track = (work: Promise<unknown>) => {
    const tracked = work.catch(() => undefined).finally(() => running.delete(tracked));
    running.add(tracked);
  };
  const hold = (loaded: LoadedModel) => {
    inMemory.add(loaded);
    const free = loaded.closed
      .catch((error: Error) => log.error("a model did not close well", { error: error.message }))
      .finally(() => inMemory.delete(loaded));
    void free;
  };
  const surroundings: ModelSurroundings = {
    ...options,
    fetches: createTurns(limits.fetchesMax),
    loads: createTurns(1),
    track,
    hold,
  };

  const find = (name: string) => {
    for (const model of served.values()) if (answersTo(model.spec(), name)) return model;
    return undefined;
  };
  const sorted = () =>
    [...served.values()].sort((a, b) => (a.spec().name < b.spec().name ? -1 : 1));
  const known = () => sorted().map(toKnown);

  /** Writes what would be served with `change` made; nothing has changed yet when that fails. */
  const record = async (without: string, added?: { spec: ModelSpec; owner: ModelOwner }) => {
    const others = known().filter(model => model.spec.name !== without);
    const after = added === undefined ? others : [...others, added];
    await writeRecord(recordPath, toRecord(after, configured));
  };

  const begin = async (
    spec: ModelSpec,
    by: ModelOwner,
  ): Promise<{ model: ServedModel; job?: Job }> => {
    if (isClosing) throw stopping();
    const change = planApply(known(), spec, by);
    const current = served.get(spec.name);
    const owner = ownerAfter(current?.owner(), by);
    if (change === "nothing" && current !== undefined) return { model: current };
    await record(spec.name, { spec, owner });
    if (isClosing) throw stopping();
    const model = current ?? create({ spec, owner, gate: false });
    if (change !== "load") model.relabel(spec, owner);
    if (change !== "load" && model.state() === "ready") return { model };
    const job = change === "load" ? undefined : model.job();
    // A client's model that is only being checked since the start is loaded after all.
    if (job !== undefined) job.load = true;
    return { model, job: job ?? model.bringUp(spec, owner, true) };
  };

  const create = (wanted: { spec: ModelSpec; owner: ModelOwner; gate: boolean }) => {
    const model = createServedModel({ ...surroundings, ...wanted });
    served.set(wanted.spec.name, model);
    return model;
  };

  /** Optional models wait until the required ones are there, have failed, or are being transferred. */
  const restore = async (restored: readonly Restored[]) => {
    const models = restored.map(wanted => ({ wanted, model: create(wanted) }));
    const start = ({ wanted, model }: (typeof models)[number]) => {
      if (!isClosing && served.get(wanted.spec.name) === model && model.state() === "pending")
        if (model.job() === undefined) model.bringUp(wanted.spec, wanted.owner, wanted.load);
    };
    const gates = models.filter(entry => entry.wanted.gate);
    for (const entry of gates) start(entry);
    for (const { model } of gates)
      while (!isClosing && isOnItsWay(model)) await nextChange(model, never);
    for (const entry of models) if (!entry.wanted.gate) start(entry);
  };

  const plan = planRestore(configured, await readRecord({ path: recordPath, clock, log }));
  for (const { name, why } of plan.dropped)
    log.warn("a recorded model is not restored", { model: name, reason: why });
  const restoring = restore(plan.restored);

  return {
    list: () => sorted().map(model => model.status()),
    find: name => find(name)?.status(),

    async *apply(spec, by, signal) {
      const { model, job } = await changes.run(0, signal, () => begin(spec, by));
      yield* watch(model, job, signal);
    },

    async remove(name, by) {
      const model = await changes.run(0, never, async () => {
        const found = find(name) ?? missing(name);
        if (found.owner() === "stack" && by === "client") throw ownedByStack(name, "removed");
        await record(found.spec().name);
        served.delete(found.spec().name);
        return found;
      });
      const loaded = model.loaded();
      model.retire(removed(name));
      log.info("model removed", { model: model.spec().name });
      // Running requests end in peace; the memory of an idle model is free when this resolves.
      if (loaded?.users() === 0) await loaded.closed;
    },

    async acquire(name, signal) {
      for (;;) {
        if (isClosing) throw stopping();
        const lease = await tryLease(find(name) ?? missing(name), signal);
        if (lease !== undefined) return lease;
      }
    },

    keepAlive(name, ms) {
      (find(name) ?? missing(name)).keepAlive(ms);
    },

    forget(cacheScope) {
      for (const loaded of inMemory) loaded.backend.forget(cacheScope);
    },

    readiness() {
      const reasons = sorted()
        .filter(model => model.gate && model.spec().required)
        .filter(model => model.loaded() === undefined && model.state() !== "unloaded")
        .map(model => toReason(model.status()));
      return { ready: reasons.length === 0, reasons };
    },

    async close() {
      isClosing = true;
      for (const model of sorted().reverse()) model.retire(stopping());
      await Promise.allSettled([...inMemory].reverse().map(loaded => loaded.close()));
      await restoring;
      while (running.size > 0) await Promise.allSettled([...running]);
      await Promise.allSettled([...inMemory].map(loaded => loaded.close()));
    },
  };
}

const toKnown = (model: ServedModel) => ({
  spec: model.spec(),
  owner: model.owner(),
  state: model.state(),
});

/** Neither there nor failed nor held up by a transfer. */
function isOnItsWay(model: ServedModel): boolean {
  const { state, progress } = model.status();
  return model.job() !== undefined && state !== "failed" && progress === undefined;
}

/** A lease if the model is loaded, or after the next thing that happens to it; work that would load it is started at need. */
async function tryLease(model: ServedModel, signal: AbortSignal): Promise<Lease | undefined> {
  const leave = model.await();
  try {
    if (model.loaded() === undefined) {
      refuseUnready(model.status());
      const job = model.job() ?? model.bringUp(model.spec(), model.owner(), true);
      job.load = true;
      await nextChange(model, signal);
    }
    const loaded = model.loaded();
    return loaded === undefined ? undefined : model.lease(loaded);
  } finally {
    leave();
  }
}

/** A transfer may take hours, and a failure does not mend itself: the client is told instead of kept. */
function refuseUnready(status: ModelStatus): void {
  if (status.state !== "failed" && status.progress === undefined) return;
  throw new EngineError("model_not_ready", `The model ${toReason(status)}`, {
    ...(status.error === undefined ? { retryAfterSeconds: 10 } : { remedy: status.error.remedy }),
  });
}

function toReason(status: ModelStatus): string {
  const { name } = status.spec;
  if (status.error !== undefined) return `"${name}" cannot be served: ${status.error.message}`;
  if (status.progress === undefined) return `"${name}" is ${status.state}.`;
  const { completedBytes, totalBytes } = status.progress;
  const share = totalBytes ? ` (${Math.floor((100 * completedBytes) / totalBytes)} %)` : "";
  return `"${name}" is being fetched${share}.`;
}

function missing(name: string): never {
  throw new EngineError("model_not_found", `There is no model "${name}" here.`);
}

function removed(name: string): EngineError {
  return new EngineError("conflict", `"${name}" was removed before it was ready.`, {
    remedy: "Apply it again if it is wanted.",
  });
}

function stopping(): EngineError {
  return new EngineError("stopping", "The engine is stopping.");
}
