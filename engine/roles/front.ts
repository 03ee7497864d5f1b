/** What answers people: every dialect, conversations and memory over models, wherever these run. */
import { createHash } from "node:crypto";
import { createAccess } from "../api/access.ts";
import type { Engine, Readiness } from "../api/call.ts";
import { createDoors } from "../api/doors.ts";
import type { EngineConfig } from "../contract/config.ts";
import { createConversations } from "../conversation/turns.ts";
import type { ServedModels } from "../inference/served-models.ts";
import type { NewId } from "../kit/identifiers.ts";
import { planChange } from "../settings.ts";
import type { Counters } from "../stores/counters.ts";
import type { Stores } from "../stores/store.ts";
import { createStop, type RoleOptions, type Running } from "./running.ts";

export interface FrontOptions extends RoleOptions {
  /** The home's admin key; only its digest is kept. */
  adminKey: string;
  /** The configuration as it is now; live settings change in it. */
  current: { config: EngineConfig };
  models: ServedModels;
  stores: Stores;
  counters: Counters;
  newId: NewId;
  /** The configuration as requests are let in by it; `current` where there is nothing else. */
  admission?: (config: EngineConfig) => EngineConfig;
  /** Why requests should not come here, besides the stores' failure. */
  reasons: () => string[];
  /** Ends what the role has besides models and stores. */
  close: () => Promise<void>;
}

export interface Front extends Running {
  ollama: Running["main"];
  readonly engine: Engine;
}

export function createFront(options: FrontOptions): Front {
  const { clock, log, metrics, version, instance, current, models, stores, counters, newId } =
    options;
  const telemetry = { log, metrics };
  let stopping = false;
  const conversations = createConversations({
    stores,
    models,
    clock,
    newId,
    random: options.random,
    telemetry,
    policy: () => current.config.memory,
  });
  const engine: Engine = {
    version,
    instance,
    startedMs: clock.now(),
    config: () => current.config,
    changeConfig(patch) {
      const { next, applied, needsRestart } = planChange(current.config, patch);
      current.config = next;
      log.setLevel(next.log.level);
      return { applied, needsRestart };
    },
    models,
    conversations,
    stores,
    counters,
    telemetry,
    clock,
    newId,
    stopping: () => stopping,
    serving: () => judge(stores, options.reasons()),
  };
  const adminKeySha256 = createHash("sha256").update(options.adminKey).digest("hex");
  const { admission = (config: EngineConfig) => config } = options;
  const access = createAccess({ config: () => admission(current.config), adminKeySha256 });
  const doors = createDoors(engine, access);
  const stop = createStop({
    edges: [doors.main, doors.ollama],
    clock,
    begin() {
      stopping = true;
    },
    endReplies: () => models.close(),
    async close() {
      try {
        await options.close();
      } finally {
        // Whatever else fails to end, memory is closed.
        await stores.close();
        await counters.close();
      }
    },
  });
  return { main: doors.main.fetch, ollama: doors.ollama.fetch, engine, stop };
}

/** The state of models takes nobody out of a Service: who asks for one is told, or waits. */
async function judge(stores: Stores, reasons: readonly string[]): Promise<Readiness> {
  const { status, reason } = await stores.health();
  const failed = status === "failed" ? [`memory: ${reason ?? "failed"}`] : [];
  const all = [...reasons, ...failed];
  return { ready: all.length === 0, reasons: all };
}
