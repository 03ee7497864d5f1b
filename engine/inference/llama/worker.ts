/** The worker of one model: an inference process that is there again after it died, until it has died too often. */
import { EngineError, errorFromShape } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Clock } from "../../kit/clock.ts";
import type { Log } from "../../telemetry/telemetry.ts";
import type { BackendFacts } from "../backend.ts";
import type { CoreMember, Cores } from "../cores.ts";
import { type Call, type Calls, createCalls } from "./calls.ts";
import { type InferenceProcess, startInferenceProcess } from "./inference-process.ts";
import type { FromChild, OpenSettings, ToChild } from "./protocol.ts";
import { type Pulse, watchPulse } from "./pulse.ts";

export interface Worker {
  readonly facts: BackendFacts;
  /** Sends a request; `cancel` asks for its early end, which comes as an answer as well. */
  call(toMessage: (id: number) => ToChild, call: Call): { cancel: () => void };
  /** A process that has died has forgotten by itself. */
  forget(scope: string): void;
  /** Resolves when the process serves; rejects when it will not come back. */
  up(): Promise<void>;
  pid(): number | undefined;
  /** Tokens whose keys and values the process holds, as it said last. */
  heldTokens(): number;
  close(): Promise<void>;
}

export interface WorkerOptions {
  settings: OpenSettings;
  environment: NodeJS.ProcessEnv;
  /** Aborts the first start. */
  unwanted: AbortSignal;
  cores: Cores;
  clock: Clock;
  log: Log;
  /** It died; `error` when it will not come back. */
  onDown: (error: EngineError | undefined) => void;
  onUp: () => void;
}

const firstBackoffMs = 100;
const backoffMsMax = 2_000;

interface Incarnation {
  process: InferenceProcess;
  calls: Calls;
  heldTokens: () => number;
}

/** @throws EngineError of a model that cannot be loaded */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { clock, log } = options;
  const closing = new AbortController();
  const crashes: number[] = [];
  let opened = await open(options, options.unwanted);
  let isUp = true;
  let serving = Promise.withResolvers<void>();
  serving.resolve();
  watch();

  function watch(): void {
    void opened.process.exited.then(reason => {
      if (closing.signal.aborted) return;
      log.error("inference process ended", { reason });
      isUp = false;
      serving = Promise.withResolvers();
      // Who does not wait need not hear that it is in vain.
      serving.promise.catch(() => {});
      // Nobody is admitted before the dead process's requests are answered.
      const hopeless = noteCrash(reason);
      options.onDown(hopeless);
      opened.calls.failAll(crashed());
      if (hopeless === undefined) void comeBack();
      else serving.reject(hopeless);
    });
  }

  /** The error of a worker that has died too often. */
  function noteCrash(reason: string): EngineError | undefined {
    const now = clock.monotonic();
    crashes.push(now);
    while (now - (crashes[0] ?? now) > limits.childCrashWindowMs) crashes.shift();
    return crashes.length > limits.childCrashesMax ? givenUp(reason) : undefined;
  }

  /** Starts anew, later after each crash, until the budget is used up. */
  async function comeBack(): Promise<void> {
    while (true) {
      await clock.sleep(
        Math.min(backoffMsMax, firstBackoffMs * 2 ** (crashes.length - 1)),
        closing.signal,
      );
      if (closing.signal.aborted) return;
      try {
        opened = await open(options, closing.signal);
        // It may have begun to serve in the very moment in which it was no longer wanted.
        if (closing.signal.aborted) return opened.process.kill();
        isUp = true;
        serving.resolve();
        watch();
        log.info("inference process restarted");
        return options.onUp();
      } catch (error) {
        if (closing.signal.aborted) return;
        const reason = error instanceof Error ? error.message : String(error);
        log.error("inference process could not be restarted", { reason });
        const hopeless = noteCrash(reason);
        options.onDown(hopeless);
        if (hopeless !== undefined) return serving.reject(hopeless);
      }
    }
  }

  return {
    facts: opened.facts,
    call(toMessage, call) {
      const { process, calls } = opened;
      if (!isUp) {
        const error = closing.signal.aborted ? stopping() : crashed();
        queueMicrotask(() => call.onAnswer({ type: "error", error }, true));
        return { cancel: () => {} };
      }
      const id = calls.open(call);
      process.send(toMessage(id));
      return { cancel: () => process.send({ type: "cancel", id }) };
    },
    forget: scope => opened.process.send({ type: "forget", scope }),
    up: () => serving.promise,
    pid: () => opened.process.pid,
    heldTokens: () => (isUp ? opened.heldTokens() : 0),
    async close() {
      if (!closing.signal.aborted) closing.abort();
      // A call that comes now would wait for an answer that nobody gives.
      isUp = false;
      serving.reject(stopping());
      opened.calls.failAll(stopping());
      opened.process.kill();
      await opened.process.exited;
    },
  };
}

/** A process with its model loaded. */
async function open(
  options: WorkerOptions,
  unwanted: AbortSignal,
): Promise<Incarnation & { facts: BackendFacts }> {
  const { promise: ready, resolve, reject } = Promise.withResolvers<BackendFacts>();
  let member: CoreMember | undefined;
  let pulse: Pulse | undefined;
  let held = 0;
  const ended = new AbortController();
  const calls = createCalls(busy => (busy ? member?.busy() : member?.idle()));
  const onMessage = (message: FromChild) => {
    if (message.type === "ready") resolve(message.facts);
    else if (message.type === "failed") reject(errorFromShape(message.error));
    else if (message.type === "granted") member?.confirm(message.grant);
    else if (message.type === "alive") pulse?.beat();
    else if (message.type === "log") options.log[message.level](message.message);
    else {
      if (message.type === "items") held = message.held;
      calls.receive(message);
    }
  };
  const process = startInferenceProcess({
    environment: options.environment,
    onMessage,
    onLine: line => options.log.debug("llama.cpp", { line }),
  });
  member = options.cores.join({
    pid: process.pid,
    most: options.settings.threadsMax,
    onGrant: (threads, grant) => process.send({ type: "grant", threads, grant }),
  });
  void process.exited.then(reason => {
    member?.leave();
    ended.abort();
    reject(diedWhileLoading(reason));
  });
  const stop = () => process.kill();
  unwanted.addEventListener("abort", stop, { once: true });
  if (unwanted.aborted) stop();
  const loaded = new AbortController();
  void options.clock.sleep(limits.loadMsMax, loaded.signal).then(() => {
    if (!loaded.signal.aborted) process.kill();
  });
  process.send({ type: "open", settings: options.settings });
  try {
    const facts = await ready;
    pulse = watchPulse({
      clock: options.clock,
      ask: () => process.send({ type: "ping" }),
      onSilence() {
        options.log.error("inference process does not answer and is ended");
        process.kill();
      },
      ended: ended.signal,
    });
    return { process, calls, facts, heldTokens: () => held };
  } catch (error) {
    process.kill();
    await process.exited;
    throw error;
  } finally {
    loaded.abort();
    unwanted.removeEventListener("abort", stop);
  }
}

function stopping(): EngineError {
  return new EngineError("stopping", "The model is being stopped.");
}

function crashed(): EngineError {
  return new EngineError("model_crashed", "The model's process ended unexpectedly.");
}

function diedWhileLoading(reason: string): EngineError {
  return new EngineError(
    "invalid_model_file",
    `llama.cpp ended while it loaded the model: ${reason}.`,
  );
}

function givenUp(reason: string): EngineError {
  return new EngineError(
    "model_not_ready",
    `The model's process ended more than ${limits.childCrashesMax} times in ${limits.childCrashWindowMs / 1_000} s ` +
      `and is not started again: ${reason}.`,
    { remedy: "Look into the engine's log, then apply the model again or restart the engine." },
  );
}
