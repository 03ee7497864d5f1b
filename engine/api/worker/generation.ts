/** One reply of a worker: no memory, no conversation; straight from the request to the model. */
import { randomUUID } from "node:crypto";
import type { DoneItem, GenerateItem, GenerateRequest } from "../../contract/chat.ts";
import { EngineError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { WorkerChunk, WorkerRequest } from "../../contract/worker.ts";
import { observeDone, observeFirst } from "../../conversation/generation.ts";
import type { Backend } from "../../inference/backend.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Call, InferenceEngine } from "../call.ts";
import { findModel } from "../models.ts";
import { startDeadline, type TurnWish } from "../turn.ts";
import { toWorkerLoad } from "./state.ts";

export interface OpenReply {
  /** Ends with `done`. */
  items: AsyncIterable<GenerateItem>;
  /** The field `echo` of the chunk of an item; nothing for clients that did not send the field. */
  more(item: GenerateItem): object;
}

export interface ReplyWish {
  model: string;
  generate: TurnWish["generate"];
  echo: WorkerRequest | undefined;
}

/** Resolves with the first output at hand: until then an error can still be a status. */
export async function openReply(
  engine: InferenceEngine,
  call: Call,
  { model, generate, echo }: ReplyWish,
): Promise<OpenReply> {
  findModel(engine, call.caller, model);
  const seconds = echo?.deadlineMs === undefined ? undefined : echo.deadlineMs / 1_000;
  const deadline = startDeadline(engine, call.signal, seconds);
  try {
    const lease = await engine.models.acquire(model, deadline.signal);
    const measures = { engine, call, model: lease.status.spec.name };
    const items = run(lease.backend, toRequest(generate, echo), deadline.signal, measures);
    const end = () => {
      deadline.end();
      lease[Symbol.dispose]();
    };
    const first = await items.next().catch((error: unknown) => {
      end();
      throw error;
    });
    return {
      items: rejoin(first, items, end),
      more: echo === undefined ? () => ({}) : createEcho(lease.backend),
    };
  } catch (error) {
    deadline.end();
    throw error;
  }
}

/** Without a scope nothing is shared: who asks is not known here. */
function toRequest(generate: TurnWish["generate"], echo: WorkerRequest | undefined) {
  const request: GenerateRequest = { ...generate, cacheScope: echo?.cacheScope ?? randomUUID() };
  if (echo?.sampling !== undefined) request.sampling = withoutAbsent(echo.sampling);
  if (echo?.already !== undefined) request.already = withoutAbsent(echo.already);
  return request;
}

type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function withoutAbsent<T extends object>(value: T): Present<T> {
  const present = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(present) as Present<T>;
}

async function* run(
  backend: Backend,
  request: GenerateRequest,
  signal: AbortSignal,
  { engine, call, model }: { engine: InferenceEngine; call: Call; model: string },
): AsyncGenerator<GenerateItem, void> {
  const { clock, telemetry } = engine;
  let finish = "cancelled";
  let isFirst = true;
  try {
    for await (const item of backend.generate(request, signal)) {
      if (isFirst) observeFirst(model, { clock, telemetry, arrivedMs: call.arrivedMs });
      isFirst = false;
      if (item.type === "done") {
        finish = item.reason;
        observeDone(item, model, telemetry);
      }
      yield item;
    }
  } catch (error) {
    const isCancelled = error instanceof EngineError && error.code === "cancelled";
    if (!isCancelled && !signal.aborted) finish = "error";
    throw error;
  } finally {
    telemetry.metrics.add("echorator_generations_total", { model, finish });
  }
}

async function* rejoin(
  first: IteratorResult<GenerateItem>,
  rest: AsyncGenerator<GenerateItem>,
  end: () => void,
): AsyncGenerator<GenerateItem> {
  try {
    for (let next = first; !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return(undefined).catch(() => undefined);
    end();
  }
}

/** The load stands in the first chunk and in the last. */
function createEcho(backend: Backend): (item: GenerateItem) => object {
  let isFirst = true;
  return item => {
    const echo: WorkerChunk = item.type === "done" ? toEnd(item) : toOrigin(item);
    if (isFirst || item.type === "done") echo.load = toWorkerLoad(backend);
    // Who reads the last chunk has its answer: this request is no load any more.
    if (echo.load !== undefined && item.type === "done")
      echo.load.busySlots = Math.max(0, echo.load.busySlots - 1);
    isFirst = false;
    return { echo };
  };
}

function toEnd({ timings, usage }: DoneItem): WorkerChunk {
  return { timings, tokens: usage.completionTokens, cachedTokens: usage.cachedTokens };
}

function toOrigin(item: Exclude<GenerateItem, DoneItem>): WorkerChunk {
  return {
    ...(item.raw === undefined ? {} : { raw: item.raw }),
    ...(item.tokens === undefined ? {} : { tokens: item.tokens }),
    ...(item.type === "thought" ? { thought: item.text } : {}),
  };
}

/** A comment where nothing came for a while: whoever reads knows that the worker lives. */
export async function* withBeat(
  texts: AsyncGenerator<string>,
  clock: Clock,
): AsyncGenerator<string> {
  let next = texts.next();
  try {
    for (;;) {
      const over = new AbortController();
      const beat = clock.sleep(limits.workerBeatMs, over.signal).then(() => "beat" as const);
      const got = await Promise.race([next, beat]).finally(() => over.abort());
      if (got === "beat") {
        yield ": alive\n\n";
        continue;
      }
      if (got.done) return;
      yield got.value;
      next = texts.next();
    }
  } finally {
    next.catch(() => undefined);
    await texts.return(undefined).catch(() => undefined);
  }
}
