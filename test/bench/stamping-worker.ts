/** A worker in a process of its own whose every token is the time at which it was made: what the gateway's bench asks. */
import { createApp } from "../../engine/app.ts";
import type { GenerateItem, GenerateRequest, Usage } from "../../engine/contract/chat.ts";
import { EngineConfig } from "../../engine/contract/config.ts";
import type { Backend } from "../../engine/inference/backend.ts";
import { systemClock } from "../../engine/kit/clock.ts";
import { systemRandom } from "../../engine/kit/random.ts";
import { listen } from "../../engine/listen.ts";
import { createLog } from "../../engine/telemetry/log.ts";
import { createMetrics } from "../../engine/telemetry/metrics.ts";
import { readMicroseconds } from "./stamps.ts";

const [home = "", weights = "", tokenMs = "1000"] = process.argv.slice(2);

/** As many at once as may be: what is measured is the way, not the waiting. */
const slots = 8_192;
const tokensMax = 3_600;
let running = 0;

async function* generate(
  _request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerateItem> {
  running += 1;
  try {
    const usage: Usage = { promptTokens: 8, cachedTokens: 0, completionTokens: 0 };
    // Streams are not in step.
    await systemClock.sleep(Number(tokenMs) * systemRandom(), signal);
    while (!signal.aborted && usage.completionTokens < tokensMax) {
      usage.completionTokens += 1;
      const text = `@${readMicroseconds()};`;
      yield { type: "text", text, raw: text, tokens: usage.completionTokens };
      await systemClock.sleep(Number(tokenMs), signal);
    }
    const timings = { queueMs: 0, promptMs: 0, decodeMs: 0 };
    yield { type: "done", reason: "stop", usage, timings };
  } finally {
    running -= 1;
  }
}

const backend: Backend = {
  facts: () => ({
    ...{ contextTokens: 8_192, slots, memoryBytes: 0 },
    capabilities: ["completion"],
  }),
  load: () => ({ busySlots: running, waiting: 0 }),
  failure: () => undefined,
  generate,
  countTokens: async () => 8,
  embed: async () => ({ vectors: [], promptTokens: 0 }),
  forget() {},
  async close() {},
};

const listeners = await listen({ host: "127.0.0.1", ports: { main: 0 } });
const app = await createApp({
  config: EngineConfig.parse({
    role: "worker",
    models: [{ name: "assistant", source: `file://${weights}` }],
    inference: { requestSeconds: 3_600 },
  }),
  ...{ home, bundledFolder: home, version: "0.0.0-bench", instance: `worker-${process.pid}` },
  ...{ adminKey: "the-admin-key-of-the-bench", workerKey: undefined },
  hub: { endpoint: "http://127.0.0.1:9", token: undefined },
  ...{ clock: systemClock, random: systemRandom, metrics: createMetrics() },
  log: createLog({
    ...{ level: "error", format: "json", clock: systemClock },
    write: line => void process.stderr.write(line),
  }),
  openBackend: async () => backend,
});
listeners.open(app);
process.stdin.on("end", () => process.exit(0)).resume();
process.stdout.write(`${listeners.ports.main}\n`);
