/** A worker in a process of its own, with the scripted model behind the real worker protocol: what the tests kill. */
import { createApp } from "../../engine/app.ts";
import { EngineConfig } from "../../engine/contract/config.ts";
import { createScriptedBackend } from "../../engine/inference/scripted.ts";
import { systemClock } from "../../engine/kit/clock.ts";
import { systemRandom } from "../../engine/kit/random.ts";
import { listen } from "../../engine/listen.ts";
import { createLog } from "../../engine/telemetry/log.ts";
import { createMetrics } from "../../engine/telemetry/metrics.ts";

const [home = "", weights = "", port = "0", tokenMs = "0", slots = "32"] = process.argv.slice(2);
const config = EngineConfig.parse({
  role: "worker",
  models: [{ name: "assistant", source: `file://${weights}`, slots: Number(slots) }],
  log: { level: "error" },
  inference: { queueLength: 512 },
});
const listeners = await listen({ host: "127.0.0.1", ports: { main: Number(port) } });
const app = await createApp({
  ...{
    config,
    home,
    bundledFolder: home,
    version: "0.0.0-test",
    instance: `worker-${process.pid}`,
  },
  ...{ adminKey: "the-admin-key-of-the-test", workerKey: undefined },
  hub: { endpoint: "http://127.0.0.1:9", token: undefined },
  ...{ clock: systemClock, random: systemRandom, metrics: createMetrics() },
  log: createLog({
    ...{ level: "error", format: "json", clock: systemClock },
    write: line => void process.stderr.write(line),
  }),
  openBackend: async (_file, spec) =>
    createScriptedBackend({ slots: spec.slots, tokenMs: Number(tokenMs), contextTokens: 8192 }),
});
listeners.open(app);
process.stdin.on("end", () => process.exit(0)).resume();
process.stdout.write(`${listeners.ports.main}\n`);
