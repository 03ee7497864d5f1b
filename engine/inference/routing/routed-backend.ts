/** The Backend of a routed model: each request goes to a worker, to another when that one fails, and goes on there where it was. */
import type {
  BackendFacts,
  BegunReply,
  DoneItem,
  GenerateItem,
  GenerateRequest,
} from "../../contract/chat.ts";
import { EngineError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { ModelSpec } from "../../contract/model.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";
import type { Backend } from "../backend.ts";
import { addItem, nothingBegun } from "../begun-reply.ts";
import { readGone } from "../remote/worker-gone.ts";
import { toAbortError } from "../slots.ts";
import type { Track } from "./catalog.ts";
import type { DemandMeter } from "./demand.ts";
import type { Dispatched, Dispatcher } from "./dispatcher.ts";
import { judgeFailure } from "./failures.ts";
import type { Hold } from "./hold.ts";
import { type PrefixChain, toPrefixChain } from "./prefix.ts";
import type { Tracks } from "./tracks.ts";
import type { Worker, WorkerPool } from "./worker-pool.ts";

export interface RoutedBackendOptions {
  model: string;
  pool: WorkerPool;
  dispatcher: Dispatcher;
  tracks: Tracks;
  hold: Hold;
  meter: DemandMeter;
  /** Of requests that name none: workers are told of no defaults, so that a change of them rolls no pod. */
  sampling: () => ModelSpec["sampling"];
  /** No worker is there for a request that was let in already. */
  onWanting: () => void;
  clock: Clock;
  telemetry: Telemetry;
}

/** Attempts of one request before its first item that may fail without having cost anything, such as refused connections. */
const attemptsMax = 16;

/** One request on its way: what it has got so far, and where it was. */
interface Journey {
  request: GenerateRequest;
  chain: PrefixChain;
  begun: BegunReply;
  /** Whether something came that says not how far the reply is. */
  isLost: boolean;
  attempts: number;
  continuations: number;
  isPatient: boolean;
  /** Workers that had no room. */
  full: Set<string>;
  /** Workers that failed it. */
  failed: Set<string>;
  track: Track | undefined;
  /** Says how many tokens it still wants. */
  wants: (tokens: number) => void;
}

export interface RoutedBackends {
  /** Refuses at once when all workers are full. */
  usual: Backend;
  /** Waits then: a request that was held is not refused after all. */
  patient: Backend;
}

export function createRoutedBackends(options: RoutedBackendOptions): RoutedBackends {
  const { pool, tracks, hold, meter, dispatcher, clock, telemetry, model } = options;
  const closing = new AbortController();
  let lastFacts: BackendFacts | undefined;

  async function* generate(
    asked: GenerateRequest,
    caller: AbortSignal,
    isPatient: boolean,
  ): AsyncGenerator<GenerateItem> {
    const signal = AbortSignal.any([caller, closing.signal]);
    const request = withDefaults(asked, options.sampling());
    const journey = begin(request, isPatient, meter.want(tokensOf(request)));
    try {
      for (;;) {
        const { worker, dispatched } = await chooseWorker(journey, signal);
        const outcome = yield* attempt(journey, worker, dispatched, signal);
        if (outcome === undefined) return;
        if (signal.aborted) throw toAbortError(signal);
        refuseHopeless(journey, outcome);
        telemetry.metrics.add("echorator_route_retries_total", { model, code: outcome.code });
      }
    } finally {
      journey.wants(0);
    }
  }

  /** Yields what comes; @returns the failure after which another worker is to go on. */
  async function* attempt(
    journey: Journey,
    worker: Worker,
    dispatched: Dispatched,
    signal: AbortSignal,
  ): AsyncGenerator<GenerateItem, EngineError | undefined> {
    const leave = worker.enter();
    const sentMs = clock.monotonic();
    const isBegun = journey.begun.tokens > 0 || journey.begun.raw !== "";
    const request = isBegun ? { ...journey.request, already: journey.begun } : journey.request;
    let cachedShare: number | undefined;
    let isFirst = true;
    let route = toNote(worker, dispatched);
    try {
      const until = AbortSignal.any([signal, worker.lost]);
      for await (const item of worker.backend.generate(request, until)) {
        worker.alive();
        dispatched.first();
        if (isFirst && !isBegun) {
          tracks.firstToken(worker.track, clock.monotonic() - sentMs);
          meter.firstToken(clock.monotonic() - sentMs);
        }
        isFirst = false;
        if (item.type === "done") {
          cachedShare = toCachedShare(item);
          tracks.ended(worker.track, "answered");
          meter.queued(item.timings.queueMs);
          yield toWhole(item, journey.begun);
          return undefined;
        }
        note(journey, item);
        yield route === "" ? item : { ...item, route };
        route = "";
      }
      throw new EngineError("model_crashed", `The reply of ${worker.id} ended without an end.`);
    } catch (thrown) {
      if (signal.aborted) throw toAbortError(signal);
      return blame(journey, worker, thrown);
    } finally {
      dispatched.end(cachedShare);
      leave();
    }
  }

  /** @throws what is the request's own failure */
  const blame = (journey: Journey, worker: Worker, thrown: unknown): EngineError => {
    const { error, isWorkers, ejects } = judgeFailure(thrown);
    if (!isWorkers) {
      tracks.ended(worker.track, "answered");
      throw error;
    }
    if (error.code === "overloaded") journey.full.add(worker.id);
    else {
      journey.failed.add(worker.id);
      // Who ends in order says nothing of its weights: rolls and evictions must not take a canary back.
      if (error.code !== "stopping") tracks.ended(worker.track, "failed");
    }
    if (ejects) pool.eject(worker, error);
    return error;
  };

  const chooseWorker = async (
    journey: Journey,
    signal: AbortSignal,
  ): Promise<{ worker: Worker; dispatched: Dispatched }> => {
    for (;;) {
      const workers = candidates(journey);
      const open = workers.filter(worker => !journey.full.has(worker.id));
      if (workers.length > 0 && open.length === 0 && !journey.isPatient)
        throw allFull(model, workers.length);
      const dispatched = dispatcher.dispatch(journey.chain, open.map(toDispatchWorker));
      const worker = open.find(one => one.id === dispatched?.choice.id);
      if (worker !== undefined && dispatched !== undefined) {
        const { why } = dispatched.choice;
        telemetry.metrics.add("echorator_route_choices_total", { model, why });
        journey.track = worker.track;
        return { worker, dispatched };
      }
      options.onWanting();
      await hold.enter(signal, true);
      journey.full.clear();
    }
  };

  /** A reply that has begun stays with its weights while these may be used; another begins where there is someone. */
  const candidates = (journey: Journey): Worker[] => {
    const preferred = tracks.preferred(journey.request.cacheScope);
    const other: Track = preferred === "stable" ? "canary" : "stable";
    const began = journey.begun.tokens > 0 ? journey.track : undefined;
    const order = began !== undefined && tracks.isOpen(began) ? [began] : [preferred, other];
    const open = order.filter(track => tracks.isOpen(track)).map(track => pool.usable(track));
    // Who failed this request already is asked again only when there is nobody else.
    const untried = open.map(workers => workers.filter(one => !journey.failed.has(one.id)));
    return [...untried, ...open].find(workers => workers.length > 0) ?? [];
  };

  /** Any worker that answers will do; `ask` changes nothing there. */
  const askAny = async <T>(
    ask: (backend: Backend) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> => {
    for (let attempts = 0; ; ) {
      const [worker] = [...pool.usable("stable"), ...pool.usable("canary")].sort(
        (a, b) => dispatcher.running(a.id) - dispatcher.running(b.id),
      );
      if (worker === undefined) {
        options.onWanting();
        await hold.enter(signal, true);
        continue;
      }
      try {
        return await ask(worker.backend);
      } catch (thrown) {
        if (signal.aborted) throw toAbortError(signal);
        const { error, isWorkers, ejects } = judgeFailure(thrown);
        if (!isWorkers || ++attempts >= attemptsMax) throw error;
        if (!ejects && attempts >= limits.continuationsMax) throw error;
        if (ejects) pool.eject(worker, error);
      }
    }
  };

  const usual: Backend = {
    facts() {
      const facts = [...pool.usable("stable"), ...pool.usable("canary")].map(worker =>
        worker.backend.facts(),
      );
      lastFacts = smallest(facts) ?? lastFacts;
      if (lastFacts !== undefined) return lastFacts;
      throw new EngineError("model_not_ready", `No worker of "${model}" has been seen yet.`);
    },
    load() {
      const loads = pool.opened().map(worker => worker.backend.load());
      return {
        busySlots: loads.reduce((sum, load) => sum + load.busySlots, 0),
        waiting: loads.reduce((sum, load) => sum + load.waiting, hold.waiting()),
      };
    },
    failure: () => undefined,
    generate: (request, signal) => generate(request, signal, false),
    countTokens: input => askAny(backend => backend.countTokens(input), closing.signal),
    embed(texts, caller) {
      const signal = AbortSignal.any([caller, closing.signal]);
      return askAny(backend => backend.embed(texts, signal), signal);
    },
    forget(cacheScope) {
      for (const worker of pool.opened()) worker.backend.forget(cacheScope);
    },
    async close() {
      closing.abort(new EngineError("stopping", "The engine is stopping."));
    },
  };
  return {
    usual,
    patient: { ...usual, generate: (request, signal) => generate(request, signal, true) },
  };
}

function begin(request: GenerateRequest, isPatient: boolean, wants: Journey["wants"]): Journey {
  return {
    request,
    chain: toPrefixChain(request),
    begun: request.already ?? nothingBegun,
    isPatient,
    ...{
      isLost: false,
      attempts: 0,
      continuations: 0,
      full: new Set(),
      failed: new Set(),
      track: undefined,
    },
    wants,
  };
}

/** Completion tokens of a request that names none, about; only scaling depends on it. */
const usualTokens = 256;

function tokensOf({ input, maxTokens }: GenerateRequest): number {
  const characters =
    input.kind === "prompt"
      ? input.prompt.length
      : input.messages.reduce((sum, message) => sum + message.content.length, 0);
  return characters / 4 + (maxTokens ?? usualTokens);
}

/** Remembers how far the reply is, so that another worker can go on from there. */
function note(journey: Journey, item: Exclude<GenerateItem, DoneItem>): void {
  const begun = addItem(journey.begun, item);
  if (begun === undefined) journey.isLost = true;
  else journey.begun = begun;
  const wanted = journey.request.maxTokens ?? usualTokens;
  journey.wants(Math.max(1, wanted - journey.begun.tokens));
}

/** @throws the failure, when no further attempt can help or may be made */
function refuseHopeless(journey: Journey, error: EngineError): void {
  journey.attempts += 1;
  if (journey.isLost || journey.attempts >= attemptsMax) throw error;
  if (error.code === "overloaded") {
    // Bounded by the number of workers, or where it is patient by the time that it may be held.
    journey.attempts -= journey.isPatient ? 1 : 0;
    return;
  }
  // Where nothing was begun no harm was done; a worker that died over a request may have died of it.
  if (error.code !== "stopping" && readGone(error) !== "unreached") journey.continuations += 1;
  if (journey.continuations > limits.continuationsMax) throw error;
}

function toNote(worker: Worker, { choice }: Dispatched): string {
  const { why, matched, blocks, running, bound } = choice;
  return `${worker.id}; track=${worker.track}; why=${why}; blocks=${matched}/${blocks}; running=${running}; bound=${bound}`;
}

function toDispatchWorker({ id, backend }: Worker) {
  const { slots, contextTokens } = backend.facts();
  const { busySlots, waiting } = backend.reported?.() ?? backend.load();
  return { id, slots, cacheTokens: slots * contextTokens, reported: busySlots + waiting };
}

function toCachedShare({ usage }: DoneItem): number {
  return usage.promptTokens === 0 ? 0 : usage.cachedTokens / usage.promptTokens;
}

/** The figures of a reply that several workers wrote are those of the whole. */
function toWhole(item: DoneItem, begun: BegunReply): DoneItem {
  const completionTokens = Math.max(item.usage.completionTokens, begun.tokens);
  return { ...item, usage: { ...item.usage, completionTokens } };
}

function smallest(facts: readonly BackendFacts[]): BackendFacts | undefined {
  return facts.reduce<BackendFacts | undefined>(
    (least, one) => (least === undefined || one.contextTokens < least.contextTokens ? one : least),
    undefined,
  );
}

function allFull(model: string, workers: number): EngineError {
  return new EngineError(
    "overloaded",
    `All ${workers} replicas of "${model}" have as many requests waiting as may wait.`,
    { retryAfterSeconds: 5 },
  );
}

function withDefaults(request: GenerateRequest, defaults: ModelSpec["sampling"]): GenerateRequest {
  const chosen = Object.entries(defaults).filter(([, value]) => value !== undefined);
  if (chosen.length === 0) return request;
  return { ...request, sampling: { ...Object.fromEntries(chosen), ...request.sampling } };
}
