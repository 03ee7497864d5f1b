/** What every dialect is made of: routes over calls, and what a call may reach of the engine. */
import type { ZodType } from "zod";
import type { EngineConfig, KeyLimits } from "../contract/config.ts";
import type { EngineError } from "../contract/errors.ts";
import type { Conversations, Principal } from "../conversation/conversations.ts";
import type { ServedModels } from "../inference/served-models.ts";
import type { Clock } from "../kit/clock.ts";
import type { NewId } from "../kit/identifiers.ts";
import type { Counters } from "../stores/counters.ts";
import type { Stores } from "../stores/store.ts";
import type { Log, Telemetry } from "../telemetry/telemetry.ts";

/** What a handler may reach of the engine. */
export interface Engine {
  version: string;
  /** Tells this process from every other one that may answer on the port. */
  instance: string;
  /** ms since 1970 */
  startedMs: number;
  config(): EngineConfig;
  /** Applies what may change while running; the rest waits for a restart. @throws EngineError invalid_config */
  changeConfig(patch: Readonly<Record<string, unknown>>): ConfigChange;
  models: ServedModels;
  conversations: Conversations;
  stores: Pick<Stores, "health">;
  /** Of the keys' quotas. */
  counters: Pick<Counters, "take" | "health">;
  telemetry: Telemetry;
  clock: Clock;
  newId: NewId;
  /** True from the first signal on: no longer ready. */
  stopping(): boolean;
  /** Whether new requests should be sent here; a Service asks. */
  serving(): Promise<Readiness>;
}

export interface Readiness {
  ready: boolean;
  reasons: string[];
}

/** What the way of a request needs, whatever the role. */
export type EdgeEngine = Pick<Engine, "config" | "telemetry" | "clock" | "newId" | "stopping">;

/** An engine that infers and remembers nothing. */
export type InferenceEngine = HealthEngine &
  Pick<Engine, "models"> &
  // Who has no keys of its own has no quotas either.
  Partial<Pick<Engine, "counters">>;

/** What probes ask; without models or stores there are no probes of them. */
export type HealthEngine = EdgeEngine &
  Pick<Engine, "version" | "instance" | "startedMs" | "serving"> &
  Partial<Pick<Engine, "models" | "stores" | "counters">>;

export interface ConfigChange {
  applied: string[];
  needsRestart: string[];
}

/** Who asks, and whether a body's `user` may still say for whom. */
export interface Caller {
  principal: Principal;
  subjectIsFixed: boolean;
  /** What the key may use; absent = no limit. */
  limits?: KeyLimits | undefined;
}

/** One request on its way through a dialect. */
export interface Call {
  readonly request: Request;
  readonly url: URL;
  readonly params: Readonly<Record<string, string>>;
  readonly requestId: string;
  /** Defined on every route but the open ones. */
  readonly caller: Caller;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Of the monotonic clock, when the request arrived. */
  readonly arrivedMs: number;
  /** The client has gone: nobody reads any more. */
  abandon(): void;
  /** Set by a reply that is still being written when the handler has returned. */
  written: Promise<void> | undefined;
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** open: anyone who gets past Host and Origin · use, admin: a key with that scope (or loopback without keys, for use). */
export type Access = "open" | "use" | "admin";

export interface Route {
  method: Method;
  /** Hono's pattern; also the label of the metrics, so that paths of clients never become series. */
  path: string;
  access: Access;
  handle(call: Call): Response | Promise<Response>;
  /** For the OpenAPI document. */
  describe?: RouteDescription;
}

export interface RouteDescription {
  summary: string;
  body?: ZodType;
  query?: Record<string, string>;
  replies: Partial<
    Record<
      number,
      { description: string; schema?: ZodType; stream?: ZodType; streamType?: "sse" | "ndjson" }
    >
  >;
}

export interface Dialect {
  name: string;
  routes: Route[];
  /** Whether an unknown path is answered in this dialect's form. */
  owns(path: string): boolean;
  renderError(error: EngineError, requestId: string): Response;
}
