/** Scripted workers behind a real router, in the test's process. */
import type { GenerateItem, GenerateRequest } from "../../engine/contract/chat.ts";
import { ModelSpec, type ModelSpecInput } from "../../engine/contract/model.ts";
import type { Backend } from "../../engine/inference/backend.ts";
import type {
  CatalogEntry,
  RouteCatalog,
  WorkerAddress,
} from "../../engine/inference/routing/catalog.ts";
import {
  createRoutedModels,
  type RoutedModels,
  type RoutedModelsOptions,
} from "../../engine/inference/routing/routed-models.ts";
import {
  createScriptedBackend,
  type ScriptedBackend,
  type ScriptedOptions,
} from "../../engine/inference/scripted.ts";
import { type Clock, systemClock } from "../../engine/kit/clock.ts";
import { createSeededRandom } from "../../engine/kit/random.ts";
import { createLog } from "../../engine/telemetry/log.ts";
import { createMetrics } from "../../engine/telemetry/metrics.ts";

/** A catalog that the test changes at will. */
export interface TestCatalog extends RouteCatalog {
  set(spec: ModelSpecInput, workers: readonly (Partial<WorkerAddress> & { id: string })[]): void;
  remove(model: string): void;
  woken: string[];
}

export function createTestCatalog(): TestCatalog {
  const entries = new Map<string, CatalogEntry>();
  const listeners = new Set<() => void>();
  const woken: string[] = [];
  const tell = () => {
    for (const listener of listeners) listener();
  };
  return {
    entries,
    woken,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    wake: model => void woken.push(model),
    status: () => ({ ready: true, reason: undefined }),
    set(input, workers) {
      const spec = ModelSpec.parse(input);
      entries.set(spec.name, {
        route: {
          ...{ spec, service: undefined, canaryService: undefined, workload: undefined },
          ...{ port: 0, startupBudgetSeconds: 0 },
        },
        workers: workers.map(worker => ({
          ...{ url: `http://${worker.id}`, track: "stable" as const, accepting: true },
          ...worker,
        })),
      });
      tell();
    },
    remove(model) {
      entries.delete(model);
      tell();
    },
    async close() {
      listeners.clear();
    },
  };
}

export interface RoutingBench {
  catalog: TestCatalog;
  models: RoutedModels;
  /** By worker id, the newest. */
  backends: Map<string, ScriptedBackend>;
  /** Which worker got what, in order. */
  sent: { worker: string; request: GenerateRequest }[];
  log: Record<string, unknown>[];
  metrics: () => string;
  close(): Promise<void>;
}

export function createRoutingBench(
  options: {
    scripted?: (id: string) => ScriptedOptions;
    /** What the router gets instead of the worker's backend. */
    wrap?: (id: string, backend: Backend) => Backend;
    clock?: Clock;
    holdSeconds?: number;
    onTakenBack?: RoutedModelsOptions["onTakenBack"];
  } = {},
): RoutingBench {
  const clock = options.clock ?? systemClock;
  const catalog = createTestCatalog();
  const backends = new Map<string, ScriptedBackend>();
  const sent: RoutingBench["sent"] = [];
  const log: Record<string, unknown>[] = [];
  const metrics = createMetrics();
  const models = createRoutedModels({
    catalog,
    clock,
    random: createSeededRandom(1),
    telemetry: {
      log: createLog({
        ...{ level: "debug", format: "json", clock },
        write: line => log.push(JSON.parse(line)),
      }),
      metrics,
    },
    holdSeconds: options.holdSeconds ?? 60,
    ...(options.onTakenBack === undefined ? {} : { onTakenBack: options.onTakenBack }),
    openWorker(address) {
      const backend = createScriptedBackend({ clock, ...options.scripted?.(address.id) });
      backends.set(address.id, backend);
      const shown = options.wrap?.(address.id, backend) ?? backend;
      return {
        ...shown,
        generate(request, signal) {
          sent.push({ worker: address.id, request });
          return shown.generate(request, signal);
        },
      };
    },
  });
  return {
    ...{ catalog, models, backends, sent, log },
    metrics: () => metrics.render(),
    close: () => models.close(),
  };
}

export function say(text: string, cacheScope = "a"): GenerateRequest {
  return { input: { kind: "messages", messages: [{ role: "user", content: text }] }, cacheScope };
}

export async function ask(
  models: RoutedModels,
  model: string,
  request: GenerateRequest,
  signal: AbortSignal = new AbortController().signal,
): Promise<{ text: string; items: GenerateItem[] }> {
  using lease = await models.acquire(model, signal);
  const items: GenerateItem[] = [];
  for await (const item of lease.backend.generate(request, signal)) items.push(item);
  const text = items.map(item => (item.type === "text" ? item.text : "")).join("");
  return { text, items };
}
