/** Served models over scripted files and backends that tests hold in their hands: when each step happens, and what is open. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EngineError } from "../../engine/contract/errors.ts";
import { type ModelFile, ModelSpec, type ModelSpecInput } from "../../engine/contract/model.ts";
import type { Backend } from "../../engine/inference/backend.ts";
import { createServedModels } from "../../engine/inference/residency.ts";
import { createScriptedBackend } from "../../engine/inference/scripted.ts";
import type { ServedModels } from "../../engine/inference/served-models.ts";
import { type Clock, systemClock } from "../../engine/kit/clock.ts";
import { createLog } from "../../engine/telemetry/log.ts";
import { createMetrics } from "../../engine/telemetry/metrics.ts";

export const toSpec = (spec: Partial<ModelSpecInput> & { name: string }): ModelSpec =>
  ModelSpec.parse({ source: `file:///weights/${spec.name}.gguf`, ...spec });

export interface OpenBackend extends Backend {
  readonly spec: ModelSpec;
  isOpen(): boolean;
  crash(forGood?: EngineError): void;
}

export interface Bench {
  served: ServedModels;
  recordPath: string;
  /** Every backend that was ever opened, in order. */
  backends: OpenBackend[];
  /** Sources in the order in which they were asked for. */
  resolved: string[];
  logged: string[];
  metrics: ReturnType<typeof createMetrics>;
  /** Ends the served models and starts others over the same record. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface BenchOptions {
  configured?: ModelSpec[];
  /** Awaited before a source is resolved or a model is loaded; throws what the step shall throw. */
  onResolve?: (spec: ModelSpec, signal: AbortSignal, progress: (bytes: number) => void) => unknown;
  onLoad?: (spec: ModelSpec, signal: AbortSignal) => unknown;
  clock?: Clock;
  home?: string;
}

export async function createBench(options: BenchOptions = {}): Promise<Bench> {
  const home = options.home ?? mkdtempSync(join(tmpdir(), "echorator-residency-"));
  const recordPath = join(home, "models.json");
  const clock = options.clock ?? systemClock;
  const backends: OpenBackend[] = [];
  const resolved: string[] = [];
  const logged: string[] = [];
  const metrics = createMetrics();
  const log = createLog({
    level: "debug",
    format: "json",
    clock,
    write: line => logged.push(line),
  });

  const start = () =>
    createServedModels({
      configured: options.configured ?? [],
      recordPath,
      clock,
      telemetry: { log, metrics },
      files: {
        async resolve(spec, onProgress, signal) {
          resolved.push(spec.source);
          const progress = (completedBytes: number) =>
            onProgress({ completedBytes, totalBytes: 100 });
          await options.onResolve?.(spec, signal, progress);
          return toFile(spec);
        },
      },
      async openBackend(_, spec, signal) {
        await options.onLoad?.(spec, signal);
        const backend = watchBackend(spec, clock);
        backends.push(backend);
        return backend;
      },
    });

  const bench: Bench = {
    served: await start(),
    recordPath,
    backends,
    resolved,
    logged,
    metrics,
    async restart() {
      await bench.served.close();
      bench.served = await start();
    },
    async close() {
      await bench.served.close();
      if (options.home === undefined) rmSync(home, { recursive: true });
    },
  };
  return bench;
}

function watchBackend(spec: ModelSpec, clock: Clock): OpenBackend {
  const backend = createScriptedBackend({ clock });
  let open = true;
  return {
    ...backend,
    spec,
    isOpen: () => open,
    async close() {
      open = false;
      await backend.close();
    },
  };
}

function toFile(spec: ModelSpec): ModelFile {
  return {
    path: spec.source.slice("file://".length),
    bytes: 100,
    sha256: "0".repeat(64),
    modifiedMs: 0,
    facts: {
      architecture: "llama",
      name: spec.name,
      parameters: 1,
      quantization: "F32",
      contextTrained: 2048,
      embeddingLength: 32,
      blockCount: 2,
      vocabularySize: 270,
      license: undefined,
      chatTemplate: undefined,
    },
  };
}

/** A gate that tests open: what waits behind it goes on, or fails with `error`. */
export function createGate(): {
  wait: (signal?: AbortSignal) => Promise<void>;
  open: (error?: EngineError) => void;
  waiting: () => number;
} {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => undefined);
  let waiting = 0;
  return {
    async wait(signal) {
      waiting += 1;
      const left = Promise.withResolvers<void>();
      const leave = () => left.reject(new EngineError("cancelled", "The test was given up."));
      signal?.addEventListener("abort", leave, { once: true });
      try {
        await Promise.race([promise, left.promise]);
      } finally {
        waiting -= 1;
        signal?.removeEventListener("abort", leave);
      }
    },
    open: error => (error === undefined ? resolve() : reject(error)),
    waiting: () => waiting,
  };
}
