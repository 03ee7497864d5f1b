/** RouteCatalog: which models a gateway routes to, and which workers each has right now. */
import type { RouteConfig } from "../../contract/config.ts";

export type Track = "stable" | "canary";

export interface WorkerAddress {
  /** Stable while the worker lives: the pod's name, or the URL itself. */
  id: string;
  /** Base URL, without a path. */
  url: string;
  track: Track;
  /** Whether new requests may go there: ready and not terminating. */
  accepting: boolean;
  /** A server of others, somewhere on the internet: slower to answer, and not asked for signs of life meanwhile. */
  isOthers?: boolean;
  /** Not ready yet as far as the catalog knows: who asks it itself knows sooner that it serves. */
  starting?: boolean;
}

export interface CatalogEntry {
  route: RouteConfig;
  workers: readonly WorkerAddress[];
}

/**
 * Two implementations: static (the configuration names the workers) and Kubernetes (ConfigMaps of models and EndpointSlices).
 * Every change is told to all listeners after `entries` has it.
 */
export interface RouteCatalog {
  /** By model name. */
  readonly entries: ReadonlyMap<string, CatalogEntry>;
  /** Returns what ends the listening. */
  onChange(listener: () => void): () => void;
  /** A request waits for this model and it has no worker: whoever scales should know. Idempotent, cheap. */
  wake(model: string): void;
  /** Whether the catalog is known at all (first list is in); `reason` says why not. */
  status(): { ready: boolean; reason: string | undefined };
  close(): Promise<void>;
}
