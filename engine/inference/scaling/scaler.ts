/** Scaler: of all gateways one leads and sets the replicas of models; every gateway wakes a model that has none when a request waits. */
import type { KubernetesObject } from "../../contract/kubernetes.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Cluster, ObjectRef } from "../../kubernetes/cluster.ts";
import { kinds } from "../../kubernetes/kinds.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";
import type { CatalogEntry, RouteCatalog } from "../routing/catalog.ts";
import type { ModelDemand } from "../routing/demand.ts";
import { addDemand } from "./board.ts";
import { createNotices } from "./notices.ts";
import { planScale, type ScaleSignals, type Wanted } from "./plan.ts";

export interface ScalerOptions {
  cluster: Cluster;
  namespace: string;
  /** Lease of the installation's gateways. */
  leaseName: string;
  /** Tells this gateway from the others. */
  instance: string;
  /** Whether this gateway may lead. */
  mayLead: boolean;
  catalog: Pick<RouteCatalog, "entries">;
  /** By model, what this gateway wants. */
  demand: () => ReadonlyMap<string, ModelDemand>;
  /** Another gateway has taken a canary back. */
  onTakenBack: (model: string, trial: string, reason: string) => void;
  clock: Clock;
  telemetry: Telemetry;
}

export interface Scaler {
  /** A request waits for a replica of the model: there is one as soon as may be, whoever leads. */
  wake(model: string): void;
  /** This gateway has taken a canary back; all others hear of it. */
  tellTakenBack(model: string, trial: string, reason: string): void;
  leads(): boolean;
  close(): Promise<void>;
}

const tickMs = 5_000;
/** How long the lead is given back for; without an answer it runs out by itself. */
const closeMsMax = 2_000;
/** Somebody else may have set the number since it was read. */
const readAgainMs = 60_000;

/** What the leader knows of one workload. */
interface Scaled {
  current: number;
  readMs: number;
  lastUsedMs: number;
  history: readonly Wanted[];
}

export function createScaler(options: ScalerOptions): Scaler {
  const { cluster, namespace, catalog, clock, telemetry } = options;
  const { log, metrics } = telemetry;
  const scaled = new Map<string, Scaled>();
  const waking = new Set<string>();
  const closed = new AbortController();
  const running = new Set<Promise<unknown>>();

  const notices = createNotices({ ...options, signal: closed.signal, onChange: () => hear() });
  const track = (work: Promise<unknown>) => {
    const tracked = work.catch(complain).finally(() => running.delete(tracked));
    running.add(tracked);
  };
  const complain = (error: unknown) =>
    log.warn("scaling failed; it is tried again", {
      why: error instanceof Error ? error.message : String(error),
    });

  /** News on the board: canaries that were taken back, and requests that wait at gateways which may not scale. */
  const hear = () => {
    for (const { model, trial, reason } of notices.takenBack())
      options.onTakenBack(model, trial, reason);
    if (!notices.leads()) return;
    for (const [model, demand] of allDemand()) if (demand.held > 0) wakeNow(model);
  };

  const allDemand = (): Map<string, ModelDemand> => {
    const all = new Map(options.demand());
    for (const post of notices.others())
      for (const [model, demand] of post) all.set(model, addDemand(all.get(model), demand));
    return all;
  };

  /** An empty patch answers with the scale as it is. */
  const readScale = async (ref: ObjectRef) =>
    replicasOf(await cluster.merge(ref, {}, { subresource: "scale" }));
  const setScale = async (ref: ObjectRef, replicas: number) =>
    replicasOf(await cluster.merge(ref, { spec: { replicas } }, { subresource: "scale" }));

  const remembered = (model: string): Scaled => {
    const before = scaled.get(model);
    if (before !== undefined) return before;
    // Who leads newly knows not when a model was used: its idle time begins now.
    const fresh = { current: 0, readMs: -Infinity, lastUsedMs: clock.now(), history: [] };
    scaled.set(model, fresh);
    return fresh;
  };

  const wake = async (model: string) => {
    const entry = catalog.entries.get(model);
    const ref = entry === undefined ? undefined : toRef(entry, namespace);
    if (entry === undefined || ref === undefined) return;
    const current = await readScale(ref);
    const signals = toSignals(allDemand().get(model), clock.now());
    const held = { ...signals, held: Math.max(1, signals.held) };
    const nowMs = clock.now();
    const { spec } = entry.route;
    const question = { spec, current, ready: 0, signals: held, nowMs, history: [] };
    const plan = current === 0 ? planScale(question) : undefined;
    Object.assign(remembered(model), { current, readMs: clock.monotonic(), lastUsedMs: nowMs });
    if (plan === undefined || plan.replicas === 0) return;
    await setScale(ref, plan.replicas);
    Object.assign(remembered(model), { current: plan.replicas, history: plan.history });
    // Who leads must not take it for one that nobody uses.
    track(notices.post(options.demand(), true));
    log.info("a model is woken", { model, replicas: plan.replicas, why: plan.reason });
  };
  const wakeNow = (model: string) => {
    if (waking.has(model) || closed.signal.aborted) return;
    waking.add(model);
    track(wake(model).finally(() => waking.delete(model)));
  };

  const scaleOne = async (model: string, entry: CatalogEntry, demand: ModelDemand | undefined) => {
    const ref = toRef(entry, namespace);
    if (ref === undefined) return;
    const known = remembered(model);
    const isUsed = (demand?.lastUsedMs ?? 0) > known.lastUsedMs;
    known.lastUsedMs = Math.max(known.lastUsedMs, demand?.lastUsedMs ?? 0);
    // Whoever uses a model may have woken it.
    const isWoken = known.current === 0 && (isUsed || entry.workers.length > 0);
    if (isWoken || clock.monotonic() - known.readMs >= readAgainMs) {
      known.current = await readScale(ref);
      known.readMs = clock.monotonic();
    }
    const signals = { ...toSignals(demand, clock.now()), lastUsedMs: known.lastUsedMs };
    const ready = entry.workers.filter(one => one.accepting && one.track === "stable").length;
    const { current, history } = known;
    const { spec } = entry.route;
    const plan = planScale({ spec, current, ready, signals, nowMs: clock.now(), history });
    if (plan === undefined) return void scaled.delete(model);
    known.history = plan.history;
    metrics.set("echorator_replicas_wanted", { model }, plan.replicas);
    if (plan.replicas === current || !notices.leads()) return;
    known.current = await setScale(ref, plan.replicas);
    const change = { model, from: current, to: plan.replicas, why: plan.reason };
    log.info("a model is scaled", change);
  };

  const scaleAll = async () => {
    const demands = allDemand();
    for (const [model, entry] of [...catalog.entries])
      if (notices.leads())
        await scaleOne(model, entry, demands.get(model)).catch(error => {
          scaled.delete(model);
          complain(error);
        });
    for (const model of [...scaled.keys()]) if (!catalog.entries.has(model)) scaled.delete(model);
  };

  const loop = async () => {
    while (!closed.signal.aborted) {
      await notices.post(options.demand()).catch(complain);
      if (notices.leads()) await scaleAll();
      else scaled.clear();
      metrics.set("echorator_scaler_leads", {}, notices.leads() ? 1 : 0);
      await clock.sleep(tickMs, closed.signal);
    }
  };
  track(loop());

  return {
    wake(model) {
      if (options.mayLead) wakeNow(model);
      else track(notices.post(options.demand(), true));
    },
    tellTakenBack: (model, trial, reason) => track(notices.tell({ model, trial, reason })),
    leads: notices.leads,
    async close() {
      closed.abort();
      const inOrder = Promise.all(running).then(() => notices.close());
      // Whose network is taken down first gets no answer: its memory still has to be closed in time.
      await Promise.race([inOrder, clock.sleep(closeMsMax)]);
    },
  };
}

/** Undefined for models that nobody scales. */
function toRef({ route }: CatalogEntry, namespace: string): ObjectRef | undefined {
  const { workload, spec } = route;
  if (workload === undefined || spec.replicas === undefined) return undefined;
  if (spec.replicas.min >= spec.replicas.max) return undefined;
  const kind = workload.kind === "Deployment" ? kinds.deployment : kinds.statefulSet;
  return { kind, name: workload.name, namespace };
}

function toSignals(demand: ModelDemand | undefined, nowMs: number): ScaleSignals {
  if (demand !== undefined) return { ...demand, lastUsedMs: demand.lastUsedMs ?? nowMs };
  const nothing = { held: 0, running: 0, queueSeconds: 0, tokensWaiting: 0 };
  return { ...nothing, firstTokenSeconds: undefined, lastUsedMs: nowMs };
}

/** Zero is left out of the object. */
function replicasOf(scale: KubernetesObject): number {
  const { replicas } = (scale.spec ?? {}) as { replicas?: number };
  return replicas ?? 0;
}
