/** Controller: the loop from changes to looks at models; it runs in the operator that leads. */
import { fieldManagers, type KubernetesObject } from "../contract/kubernetes.ts";
import type { Platform } from "../contract/platform.ts";
import type { Clock } from "../kit/clock.ts";
import type { Random } from "../kit/random.ts";
import type { Cluster, WatchEvent } from "../kubernetes/cluster.ts";
import { kinds } from "../kubernetes/kinds.ts";
import type { ModelFactsReader } from "../models/facts.ts";
import type { Log, Metrics } from "../telemetry/telemetry.ts";
import { createAnnounce } from "./announcer.ts";
import { createApplier } from "./applier.ts";
import { createNameClaims } from "./name-claims.ts";
import { type ReconcileOptions, reconcileModel } from "./reconcile.ts";
import { createSourceFacts } from "./source-facts.ts";
import { type Watched, watchAll } from "./watched.ts";
import { createWorkQueue } from "./work-queue.ts";
import type { ReadWorker } from "./worker-reports.ts";

export interface ControllerOptions {
  cluster: Cluster;
  platform: Platform;
  factsReader: ModelFactsReader;
  version: string;
  clock: Clock;
  random: Random;
  log: Log;
  metrics: Metrics;
  identity: string;
  readWorker: ReadWorker;
  /** The last one's end: two must not act at once. */
  before: Promise<void>;
}

export interface Controller {
  close(): Promise<void>;
}

/** Models that are looked at together. */
const workers = 8;
/** Everything is looked at again that often, whatever the watches say. */
const resyncMs = 600_000;
/** Wait of a worker that has nothing to do, when nothing wakes it. */
const idleMs = 60_000;

export function startController(options: ControllerOptions): Controller {
  const { cluster, clock, log, metrics } = options;
  const queue = createWorkQueue({ random: options.random, firstMs: 500, maxMs: 60_000 });
  const claims = createNameClaims();
  const applier = createApplier(cluster, clock);
  const facts = createSourceFacts(options.factsReader, clock);
  const closing = new AbortController();
  const bell = createBell(clock, closing.signal);
  let platform = options.platform;
  let watched: Watched | undefined;

  const add = (model: string) => {
    queue.add(model, clock.monotonic());
    bell.ring();
  };
  const addAll = () => {
    for (const { metadata } of watched?.models.values() ?? []) add(metadata.name);
  };
  const onModel = ({ type, object }: WatchEvent) => {
    const { name, creationTimestamp: created = "" } = object.metadata;
    const { aliases = [] } = (object.spec ?? {}) as { aliases?: string[] };
    const touched =
      type === "deleted" ? claims.remove(name) : claims.set({ name, aliases, created });
    for (const other of touched) add(other);
    if (type === "deleted") {
      queue.drop(name);
      // Kept objects of a model that is gone are the garbage collector's.
      applier.forget(watched?.ownedBy(name).values() ?? []);
    } else add(name);
  };

  async function discover(): Promise<Platform> {
    const apis = await cluster.apis();
    const all = new Set([...options.platform.apis, ...apis]);
    return { ...options.platform, apis: [...all] };
  }

  async function readSecret(name: string, key: string): Promise<string | undefined> {
    const secret = await cluster.get({ kind: kinds.secret, name, namespace: platform.namespace });
    const value = ((secret as KubernetesObject | undefined)?.data as Record<string, string>)?.[key];
    return value === undefined ? undefined : Buffer.from(value, "base64").toString("utf8");
  }

  async function work(look: (model: string) => ReturnType<typeof reconcileModel>) {
    while (!closing.signal.aborted) {
      const nowMs = clock.monotonic();
      const model = queue.take(nowMs);
      if (model === undefined) {
        const dueMs = queue.nextMs();
        await bell.wait(dueMs === undefined ? idleMs : Math.max(1, dueMs - nowMs));
        continue;
      }
      await lookOnce(model, look);
    }
  }

  async function lookOnce(
    model: string,
    look: (model: string) => ReturnType<typeof reconcileModel>,
  ) {
    const startedMs = clock.monotonic();
    try {
      const { outcome, againMs } = await look(model);
      metrics.add("echorator_reconciles_total", { outcome });
      const endedMs = clock.monotonic();
      queue.finish(model, outcome === "failed" ? "failed" : "done", endedMs);
      if (againMs !== undefined && outcome !== "failed") queue.addAt(model, endedMs + againMs);
    } catch (error) {
      metrics.add("echorator_reconciles_total", { outcome: "failed" });
      const dueMs = queue.finish(model, "failed", clock.monotonic()) ?? 0;
      const why = error instanceof Error ? error.message : String(error);
      const againMs = Math.round(dueMs - clock.monotonic());
      log.warn("a model could not be looked at; it is tried again", { model, why, againMs });
    }
    metrics.observe("echorator_reconcile_seconds", {}, (clock.monotonic() - startedMs) / 1000);
    bell.ring();
  }

  async function run(): Promise<void> {
    await options.before;
    platform = await untilDone(discover, options, closing.signal, platform);
    if (closing.signal.aborted) return;
    watched = watchAll({
      cluster,
      platform,
      managedBy: fieldManagers.operator,
      onModel,
      onOwned: add,
      onGone: object => applier.forget([object]),
      onGateway: addAll,
    });
    await Promise.race([watched.synced(), aborted(closing.signal)]);
    if (closing.signal.aborted) return;
    log.info("the operator acts", { models: watched.models.size, namespace: platform.namespace });
    const reconcile: ReconcileOptions = {
      cluster,
      watched,
      applier,
      claims,
      announce: createAnnounce(cluster, options),
      readWorker: options.readWorker,
      clock,
      metrics,
      platform: () => platform,
      plan: of => ({ platform: of, version: options.version, readSecret }),
      readFacts: model => (source, token) => facts.get(source, token, () => add(model)),
    };
    const loops = Array.from({ length: workers }, () =>
      work(model => reconcileModel(model, reconcile)),
    );
    await Promise.all([...loops, resync()]);
  }

  async function resync(): Promise<void> {
    while (!closing.signal.aborted) {
      await clock.sleep(resyncMs, closing.signal);
      if (!closing.signal.aborted) addAll();
    }
  }

  const forget = metrics.onCollect(() => {
    metrics.set("echorator_operator_queue_length", {}, queue.length);
    metrics.set("echorator_operator_models", {}, watched?.models.size ?? 0);
  });
  const running = run().catch((error: unknown) => {
    log.error("the operator's loop failed", { error: String(error) });
  });
  return {
    async close() {
      closing.abort();
      bell.ring();
      facts.close();
      await running;
      watched?.close();
      forget();
    },
  };
}

async function untilDone<Value>(
  attempt: () => Promise<Value>,
  { clock, log }: { clock: Clock; log: Log },
  signal: AbortSignal,
  otherwise: Value,
): Promise<Value> {
  while (!signal.aborted)
    try {
      return await attempt();
    } catch (error) {
      log.warn("the cluster's APIs are not known yet", { why: String(error) });
      await clock.sleep(2_000, signal);
    }
  return otherwise;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Wakes all that wait. */
function createBell(clock: Clock, signal: AbortSignal) {
  let next = Promise.withResolvers<void>();
  return {
    ring() {
      next.resolve();
      next = Promise.withResolvers<void>();
    },
    async wait(ms: number) {
      const woken = new AbortController();
      const { promise } = next;
      const end = AbortSignal.any([signal, woken.signal]);
      await Promise.race([promise, clock.sleep(ms, end)]);
      woken.abort();
    },
  };
}
