/** Opens real models for the live tests: tiny random ones written to a temporary folder, or files that are there. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ModelFile, ModelSpec, type ModelSpecInput } from "../../engine/contract/model.ts";
import { type Cores, createCores, usableCores } from "../../engine/inference/cores.ts";
import { createLlamaBackend, type LlamaBackend } from "../../engine/inference/llama/backend.ts";
import { createNeighbours } from "../../engine/inference/neighbours.ts";
import { systemClock } from "../../engine/kit/clock.ts";
import { createLog } from "../../engine/telemetry/log.ts";
import { createMetrics } from "../../engine/telemetry/metrics.ts";
import { type TinyModelOptions, writeTinyGguf } from "../support/gguf-writer.ts";

export const bundledModel = new URL("../../engine/models/bundled/echo-tiny.gguf", import.meta.url)
  .pathname;

export interface OpenedModel {
  backend: LlamaBackend;
  /** What the engine's log said. */
  lines: string[];
}

export async function openModel(
  path: string,
  spec: Partial<ModelSpecInput> = {},
  options: { queueLength?: number; cores?: Cores } = {},
): Promise<OpenedModel> {
  const lines: string[] = [];
  const log = createLog({
    level: "debug",
    format: "json",
    clock: systemClock,
    write: line => lines.push(line),
  });
  const backend = await createLlamaBackend({
    spec: ModelSpec.parse({ name: "test", source: `file://${path}`, slots: 2, ...spec }),
    file: describeFile(path),
    cores:
      options.cores ??
      createCores({
        usable: usableCores(),
        clock: systemClock,
        neighbours: createNeighbours(systemClock.monotonic),
      }),
    clock: systemClock,
    telemetry: { log, metrics: createMetrics() },
    queueLength: () => options.queueLength ?? 64,
  });
  return { backend, lines };
}

function describeFile(path: string): ModelFile {
  return {
    path,
    bytes: statSync(path).size,
    sha256: createHash("sha256").update(readFileSync(path)).digest("hex"),
    modifiedMs: 0,
    facts: {
      architecture: "llama",
      name: "test",
      parameters: 0,
      quantization: "F32",
      contextTrained: 0,
      embeddingLength: 0,
      blockCount: 0,
      vocabularySize: 0,
      license: undefined,
      chatTemplate: undefined,
    },
  };
}

/** A folder for models of random weights. */
export function createModelFolder() {
  const folder = mkdtempSync(join(tmpdir(), "echorator-live-"));
  return {
    write(name: string, options: TinyModelOptions): string {
      const path = join(folder, `${name}.gguf`);
      writeTinyGguf(path, options);
      return path;
    },
    path: (name: string) => join(folder, name),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
