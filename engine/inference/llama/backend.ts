/** The llama backend: one model in an inference process of its own, behind a bounded queue. */
import type {
  EmbedResult,
  GenerateInput,
  GenerateItem,
  GenerateRequest,
  Sampling,
} from "../../contract/chat.ts";
import { EngineError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { ModelFile, ModelSpec } from "../../contract/model.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";
import type { Backend } from "../backend.ts";
import type { Cores } from "../cores.ts";
import { createSlots, type Slots, toAbortError } from "../slots.ts";
import type { Answer } from "./calls.ts";
import { startWorker, type Worker } from "./worker.ts";

export interface LlamaBackendOptions {
  spec: ModelSpec;
  file: ModelFile;
  cores: Cores;
  clock: Clock;
  telemetry: Telemetry;
  /** Requests that may wait; read at each arrival. */
  queueLength?: () => number;
  /** Aborts when the model is not wanted any more before it is loaded. */
  signal?: AbortSignal;
  /** The engine's environment; only what loaders and GPU drivers read is passed on. */
  environment?: NodeJS.ProcessEnv;
}

export interface LlamaBackend extends Backend {
  /** The inference process that serves now. */
  pid(): number | undefined;
}

/** @throws EngineError invalid_model_file or internal, with llama.cpp's reason */
export async function createLlamaBackend(options: LlamaBackendOptions): Promise<LlamaBackend> {
  const { spec, clock } = options;
  refuseAdapters(spec);
  const { metrics } = options.telemetry;
  const labels = { model: spec.name };
  const closing = new AbortController();
  const slots: Slots = createSlots({
    capacity: 0,
    queueLength: options.queueLength ?? (() => limits.queueLengthMax),
    clock,
  });
  let failure: EngineError | undefined;
  const worker = await startWorker({
    settings: {
      path: options.file.path,
      ...(spec.context === undefined ? {} : { contextTokens: spec.context }),
      slots: spec.slots,
      ...(spec.kv === undefined ? {} : { kv: spec.kv }),
      adapters: toApplied(spec, options.file),
      threadsMax: usefulThreads(options.file.bytes, options.cores.usable),
    },
    environment: options.environment ?? {},
    unwanted: options.signal ?? closing.signal,
    cores: options.cores,
    clock,
    log: options.telemetry.log.with(labels),
    onDown(error) {
      failure = error;
      metrics.add("echorator_model_crashes_total", labels);
      slots.resize(0);
      if (error !== undefined) slots.refuse(() => error);
    },
    onUp: () => slots.resize(worker.facts.slots),
  });
  slots.resize(worker.facts.slots);

  /** Waits for a slot and runs one call in it; the slot is free when the worker has ended the call. */
  const inSlot = async (caller: AbortSignal) => {
    const arrived = clock.monotonic();
    const release = await slots.take(AbortSignal.any([caller, closing.signal]));
    const queueMs = clock.monotonic() - arrived;
    return { release, queueMs };
  };

  return {
    facts: () => worker.facts,
    load: () => ({
      busySlots: slots.busy(),
      waiting: slots.waiting(),
      heldTokens: worker.heldTokens(),
    }),
    failure: () => failure,
    pid: worker.pid,
    async *generate(request, caller) {
      const { release, queueMs } = await inSlot(caller);
      const signal = AbortSignal.any([caller, closing.signal]);
      const asked = withDefaults(request, spec);
      const answers = ask(worker, asked, signal, clock, release);
      for await (const item of answers)
        yield item.type === "done" ? { ...item, timings: { ...item.timings, queueMs } } : item;
    },
    async countTokens(input) {
      if (closing.signal.aborted) throw toAbortError(closing.signal);
      return await count(worker, withSystem(input, spec.system));
    },
    async embed(texts, caller) {
      const { release } = await inSlot(caller);
      const signal = AbortSignal.any([caller, closing.signal]);
      return await embed(worker, [...texts], signal, release);
    },
    forget: worker.forget,
    async close() {
      const stopping = new EngineError("stopping", "The model is being stopped.");
      slots.refuse(() => stopping);
      if (!closing.signal.aborted) closing.abort(stopping);
      await worker.close();
    },
  };
}

/** Applying them is written and not proven yet: nothing is served as if it were what was asked for. */
function refuseAdapters({ name, adapters = [] }: ModelSpec): void {
  if (adapters.length === 0) return;
  throw new EngineError("unsupported", `"${name}": LoRA adapters cannot be applied yet.`, {
    field: "adapters",
    remedy: "Leave `adapters` out, or merge them into the weights and name these as `source`.",
  });
}

/** Nothing is served as if it had what it has not: each adapter of the specification has its file. */
function toApplied({ name, adapters = [] }: ModelSpec, file: ModelFile) {
  const files = file.adapters ?? [];
  if (files.length !== adapters.length)
    throw new EngineError("internal", `"${name}": the files of its adapters are not there.`, {
      field: "adapters",
    });
  return files
    .map(({ path, scale, bytes }) => ({ path, scale, bytes }))
    .filter(({ scale }) => scale !== 0);
}

/** Below this, threads wait for each other longer than they compute. */
const oneThreadBytes = 32 * 1024 * 1024;

function usefulThreads(bytes: number, usable: number): number {
  return bytes < oneThreadBytes ? 1 : usable;
}

/** The items of one generation, from the worker's answers. */
async function* ask(
  worker: Worker,
  request: GenerateRequest,
  signal: AbortSignal,
  clock: Clock,
  release: () => void,
): AsyncGenerator<GenerateItem> {
  const answers: Answer[] = [];
  let wake = () => {};
  let ended = false;
  const over = new AbortController();
  const call = worker.call(id => ({ type: "generate", id, request }), {
    computes: true,
    onAnswer(answer, last) {
      answers.push(answer);
      ended = last;
      if (last) release();
      wake();
    },
  });
  const onAbort = () => wake();
  signal.addEventListener("abort", onAbort, { once: true });
  let late = false;
  void clock.sleep(limits.generateMsMax, over.signal).then(() => {
    late = !over.signal.aborted;
    wake();
  });
  try {
    while (true) {
      if (signal.aborted) throw toAbortError(signal);
      if (late) throw new EngineError("deadline_exceeded", "The reply took longer than it may.");
      const answer = answers.shift();
      if (answer?.type === "error") throw answer.error;
      if (answer?.type === "item") yield answer.item;
      if (answer === undefined && ended) return;
      if (answer === undefined)
        await new Promise<void>(resolve => {
          wake = resolve;
        });
    }
  } finally {
    over.abort();
    signal.removeEventListener("abort", onAbort);
    if (!ended) call.cancel();
  }
}

/** Waits for a process that is being restarted, as `generate` waits for a slot of it. */
async function count(worker: Worker, input: GenerateInput): Promise<number> {
  await worker.up();
  const answer = await new Promise<Answer>(resolve => {
    worker.call(id => ({ type: "count", id, input }), { computes: false, onAnswer: resolve });
  });
  if (answer.type === "counted") return answer.tokens;
  throw toError(answer);
}

async function embed(
  worker: Worker,
  texts: string[],
  signal: AbortSignal,
  release: () => void,
): Promise<EmbedResult> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const call = worker.call(id => ({ type: "embed", id, texts }), {
    computes: true,
    onAnswer(answer) {
      release();
      resolve(answer);
    },
  });
  const abort = () => {
    call.cancel();
    reject(toAbortError(signal));
  };
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    const answer = await promise;
    if (answer.type === "embedded") return answer.result;
    throw toError(answer);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function toError(answer: Answer): EngineError {
  if (answer.type === "error") return answer.error;
  return new EngineError("internal", `The inference process answered with ${answer.type}.`);
}

function withDefaults(request: GenerateRequest, spec: ModelSpec): GenerateRequest {
  const chosen = Object.entries(spec.sampling).filter(([, value]) => value !== undefined);
  const sampling: Sampling = { ...Object.fromEntries(chosen), ...request.sampling };
  return { ...request, sampling, input: withSystem(request.input, spec.system) };
}

/** The model's own system prompt, for requests without one. */
function withSystem(input: GenerateInput, system: string | undefined): GenerateInput {
  if (input.kind === "prompt" || system === undefined) return input;
  if (input.messages.some(message => message.role === "system")) return input;
  return { ...input, messages: [{ role: "system", content: system }, ...input.messages] };
}
