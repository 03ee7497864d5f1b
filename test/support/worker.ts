/** A worker in the test's process, behind a real port: role `worker` over the scripted backend, or over a given one. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { EngineConfig, type EngineConfigInput } from "../../engine/contract/config.ts";
import type { ModelSpecInput } from "../../engine/contract/model.ts";
import {
  createScriptedBackend,
  type ScriptedBackend,
  type ScriptedOptions,
} from "../../engine/inference/scripted.ts";
import { systemClock } from "../../engine/kit/clock.ts";
import { createSeededRandom } from "../../engine/kit/random.ts";
import type { OpenBackend } from "../../engine/roles/local-models.ts";
import { type RunningWorker, startWorker } from "../../engine/roles/worker.ts";
import { createLog } from "../../engine/telemetry/log.ts";
import { createMetrics } from "../../engine/telemetry/metrics.ts";
import type { Telemetry } from "../../engine/telemetry/telemetry.ts";
import { writeTinyGguf } from "./gguf-writer.ts";

export interface TestWorkerOptions {
  scripted?: ScriptedOptions;
  model?: Partial<ModelSpecInput>;
  config?: EngineConfigInput;
  key?: string;
  openBackend?: OpenBackend;
}

export interface TestWorker {
  url: string;
  role: RunningWorker;
  /** Of the model `assistant`. */
  backend: ScriptedBackend;
  /** Breaks every connection and listens no more, as a dead process does. */
  die(): void;
  stop(): Promise<void>;
}

export function quietTelemetry(): Telemetry {
  const log = createLog({ level: "error", format: "json", clock: systemClock, write: () => {} });
  return { log, metrics: createMetrics() };
}

export async function startTestWorker(options: TestWorkerOptions = {}): Promise<TestWorker> {
  const home = mkdtempSync(join(tmpdir(), "echorator-worker-"));
  const weights = join(home, "tiny-model.gguf");
  writeTinyGguf(weights, { seed: 1 });
  const backend = createScriptedBackend(options.scripted);
  const role = await startWorker({
    config: EngineConfig.parse({
      role: "worker",
      models: [{ name: "assistant", source: `file://${weights}`, ...options.model }],
      ...options.config,
    }),
    home,
    bundledFolder: home,
    hub: { endpoint: "http://127.0.0.1:9", token: undefined },
    workerKey: options.key,
    version: "0.0.0-test",
    instance: "test-worker",
    clock: systemClock,
    random: createSeededRandom(7),
    log: createLog({ level: "error", format: "json", clock: systemClock, write: () => {} }),
    metrics: createMetrics(),
    openBackend: options.openBackend ?? (async () => backend),
  });
  const server = createServer(
    getRequestListener(request => role.main(request, { address: "127.0.0.1" }), {
      overrideGlobalObjects: false,
    }),
  );
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  while (!role.engine.models.readiness().ready) await systemClock.sleep(2);
  const die = () => {
    server.close();
    server.closeAllConnections();
  };
  return {
    url: `http://127.0.0.1:${port}`,
    role,
    backend,
    die,
    async stop() {
      die();
      await role.stop(0);
      rmSync(home, { recursive: true, force: true });
    },
  };
}
