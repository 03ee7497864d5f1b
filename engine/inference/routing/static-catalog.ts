/** The catalog of a gateway without Kubernetes: the configuration names the models and their workers. */
import type { GatewayConfig, RouteConfig } from "../../contract/config.ts";
import type { ModelSpec } from "../../contract/model.ts";
import { parseSource } from "../../contract/source.ts";
import type { CatalogEntry, RouteCatalog, WorkerAddress } from "./catalog.ts";

export interface StaticCatalogOptions {
  models: readonly ModelSpec[];
  /** Model → base URLs of its workers. */
  workers: GatewayConfig["workers"];
  /** A model waits and has no worker: whoever can start one. */
  onWake?: (model: string) => void;
}

export interface StaticCatalog extends RouteCatalog {
  /** Takes the place of everything before. */
  replace(options: Pick<StaticCatalogOptions, "models" | "workers">): void;
}

export function createStaticCatalog(options: StaticCatalogOptions): StaticCatalog {
  const entries = new Map<string, CatalogEntry>();
  const listeners = new Set<() => void>();
  const fill = ({ models, workers }: Pick<StaticCatalogOptions, "models" | "workers">) => {
    entries.clear();
    for (const spec of models) entries.set(spec.name, toEntry(spec, workers[spec.name] ?? []));
  };
  fill(options);
  return {
    entries,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    wake: model => options.onWake?.(model),
    status: () => ({ ready: true, reason: undefined }),
    replace(next) {
      fill(next);
      for (const listener of listeners) listener();
    },
    async close() {
      listeners.clear();
    },
  };
}

function toEntry(spec: ModelSpec, urls: readonly string[]): CatalogEntry {
  const route: RouteConfig = {
    spec,
    service: undefined,
    canaryService: undefined,
    workload: undefined,
    port: 0,
    startupBudgetSeconds: 0,
  };
  const workers = urls.map(url => toWorker(url.replace(/\/$/, "")));
  return { route, workers: [...workers, ...serverOf(spec)] };
}

/** A model that a server of others has already is served by that server. */
export function serverOf(spec: ModelSpec): WorkerAddress[] {
  const source = parseSource(spec.source);
  if (source.scheme !== "openai") return [];
  const { url, model } = source;
  // What it is opened with is in its name, so that a change of it opens it anew.
  const key = spec.sourceSecret === undefined ? "" : ` (${spec.sourceSecret.key})`;
  return [{ id: `${url}#${model}${key}`, url, track: "stable", accepting: true, isOthers: true }];
}

function toWorker(url: string): WorkerAddress {
  return { id: url, url, track: "stable", accepting: true };
}
