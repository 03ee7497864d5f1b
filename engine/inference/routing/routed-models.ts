/** ServedModels of a gateway: the models of its catalog, each served by the workers that are there now. */
import { EngineError } from "../../contract/errors.ts";
import { answersTo } from "../../contract/model.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Random } from "../../kit/random.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";
import type { ServedModels } from "../served-models.ts";
import type { RouteCatalog } from "./catalog.ts";
import type { ModelDemand } from "./demand.ts";
import { createRoutedModel, type RoutedModel } from "./routed-model.ts";
import type { OpenWorker } from "./worker-pool.ts";

export interface RoutedModelsOptions {
  catalog: RouteCatalog;
  openWorker: OpenWorker;
  /** How long a request waits for a model without a worker. */
  holdSeconds: number;
  /** This gateway has taken a canary back: whoever else should know. */
  onTakenBack?: (model: string, trial: string, reason: string) => void;
  clock: Clock;
  random: Random;
  telemetry: Telemetry;
}

export interface RoutedModels extends ServedModels {
  /** By model, what this gateway wants of it; what a scaler goes by. */
  demand(): Map<string, ModelDemand>;
  /** Another gateway has taken the trial back. */
  takeBack(model: string, trial: string, reason: string): void;
}

export function createRoutedModels(options: RoutedModelsOptions): RoutedModels {
  const { catalog, openWorker, clock, random, telemetry } = options;
  const models = new Map<string, RoutedModel>();
  const closing = new Set<Promise<void>>();
  let isClosing = false;

  const create = (name: string, entry: Parameters<RoutedModel["update"]>[0]) =>
    createRoutedModel(entry, {
      ...{ openWorker, clock, random, telemetry },
      wake: () => catalog.wake(name),
      onTakenBack: (trial, reason) => options.onTakenBack?.(name, trial, reason),
      holdMs: options.holdSeconds * 1_000,
    });
  const close = (name: string, model: RoutedModel) => {
    models.delete(name);
    const closed = model.close().finally(() => closing.delete(closed));
    closing.add(closed);
  };
  const follow = () => {
    if (isClosing) return;
    for (const [name, entry] of catalog.entries) {
      const model = models.get(name);
      if (model === undefined) models.set(name, create(name, entry));
      else if (model.entry() !== entry) model.update(entry);
    }
    for (const [name, model] of [...models]) if (!catalog.entries.has(name)) close(name, model);
  };
  const stopListening = catalog.onChange(follow);
  follow();

  const sorted = () => [...models].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, model]) => model);
  const find = (name: string) => sorted().find(model => answersTo(model.entry().route.spec, name));

  return {
    list: () => sorted().map(model => model.status()),
    find: name => find(name)?.status(),
    // biome-ignore lint/correctness/useYield: a gateway serves what the cluster declares, and yields nothing of its own.
    async *apply(spec) {
      throw declared(spec.name, "applied");
    },
    async remove(name) {
      throw declared(name, "removed");
    },
    async acquire(name, signal) {
      if (isClosing) throw new EngineError("stopping", "The engine is stopping.");
      return (find(name) ?? missing(name)).acquire(signal);
    },
    keepAlive(name) {
      // How long a model stays is the scaler's business; only an unknown name is told.
      if (find(name) === undefined) missing(name);
    },
    forget(cacheScope) {
      for (const model of models.values()) model.forget(cacheScope);
    },
    readiness() {
      const { ready, reason } = catalog.status();
      const reasons = sorted()
        .map(model => model.status())
        .filter(({ spec, state }) => spec.required && state !== "ready" && state !== "unloaded")
        .map(({ spec, state }) => `"${spec.name}" is ${state}: no worker of it answers.`);
      const all = ready ? reasons : [reason ?? "the models are not known yet"];
      return { ready: all.length === 0, reasons: all };
    },
    demand: () => new Map([...models].map(([name, model]) => [name, model.demand()])),
    takeBack: (name, trial, reason) => models.get(name)?.tracks.takeBack(trial, reason),
    async close() {
      isClosing = true;
      stopListening();
      for (const [name, model] of [...models]) close(name, model);
      await Promise.all(closing);
    },
  };
}

function missing(name: string): never {
  throw new EngineError("model_not_found", `There is no model "${name}" here.`, {
    remedy: "List the models with GET /api/v1/models, or declare it in the stack or as a Model.",
  });
}

function declared(name: string, done: string): EngineError {
  return new EngineError("owned_by_stack", `"${name}" cannot be ${done} through a gateway.`, {
    remedy:
      "Change the models of the stack and run `npm run up`, or apply or delete the Model resource with kollama or kubectl.",
  });
}
