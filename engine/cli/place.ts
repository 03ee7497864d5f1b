/** Place: where models are deployed, behind one interface; a cluster, a stack's configuration or one engine. */
import type { ModelSpec } from "../contract/model.ts";
import type { EngineClient } from "./engine-client.ts";

/** One model, told alike by every place. */
export interface PlacedModel {
  name: string;
  source: string;
  /** One word: a phase of the custom resource, or the engine's state of the model. */
  phase: string;
  /** Replicas that answer, and that there should be. */
  replicas: { ready: number; wanted: number };
  /** Why it is not ready, and what to do. */
  message: string | undefined;
  progress: { completedBytes: number; totalBytes: number | undefined } | undefined;
  contextTokens: number | undefined;
  memoryBytes: number | undefined;
  /** ms since 1970 */
  createdMs: number | undefined;
  isReady: boolean;
  /** Nothing more will happen by itself. */
  isStalled: boolean;
}

export interface ModelDetail extends PlacedModel {
  spec: ModelSpec;
  /** Sections for `describe`, in order: title and rows. */
  sections: { title: string; rows: [string, string][] }[];
}

/** What doctor reads; each part is there as far as the place has it. */
export interface Evidence {
  model: PlacedModel | undefined;
  conditions: { type: string; status: string; reason: string; message: string }[];
  events: { type: string; reason: string; message: string; object: string; count: number }[];
  pods: {
    name: string;
    phase: string;
    ready: boolean;
    restarts: number;
    waiting: { reason: string; message: string } | undefined;
    terminated: { reason: string; exitCode: number } | undefined;
  }[];
  /** Last lines of the logs of what is not ready. */
  logs: { from: string; lines: string[] }[];
  health: { path: string; status: number; reasons: string[] }[];
}

export interface LogsOptions {
  follow: boolean;
  tail: number;
  previous: boolean;
}

/** Every implementation passes test/conformance/place.ts. Failures are EngineErrors with a remedy. */
export interface Place {
  readonly kind: "cluster" | "stack" | "engine";
  /** For people: `cluster https://… namespace echorator`. */
  readonly title: string;
  /** In the order of their names. */
  models(): Promise<PlacedModel[]>;
  /** @throws EngineError model_not_found */
  model(name: string): Promise<ModelDetail>;
  /** Declares the model; idempotent. Resolves when it is declared, not when it is ready. */
  deploy(spec: ModelSpec): Promise<void>;
  /** The model at each change, the first at once; ends when `signal` aborts, or where nothing can be watched. */
  watch(name: string, signal: AbortSignal): AsyncIterable<PlacedModel>;
  /** @throws EngineError model_not_found, owned_by_stack */
  undeploy(name: string): Promise<void>;
  /** @throws EngineError unsupported where one machine serves */
  scale(name: string, replicas: { min: number; max: number }): Promise<void>;
  logs(name: string, options: LogsOptions, signal: AbortSignal): AsyncIterable<string>;
  /** The engine or gateway that answers for these models. */
  engine(): Promise<EngineClient>;
  evidence(name: string | undefined): Promise<Evidence>;
  /** What a person should do so that a change takes effect, such as `npm run up`; undefined when nothing. */
  followUp(): string | undefined;
  close(): void;
}
