/** An operator as a process of its own, for tests that kill it: arguments are a kubeconfig, a namespace and an identity. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Platform } from "../../engine/contract/platform.ts";
import { systemClock } from "../../engine/kit/clock.ts";
import { createCluster } from "../../engine/kubernetes/client.ts";
import { connectionFromKubeconfig } from "../../engine/kubernetes/connection.ts";
import { createModelFactsReader } from "../../engine/models/facts.ts";
import { createOperator } from "../../engine/operator/operator.ts";
import { createLog } from "../../engine/telemetry/log.ts";
import { createMetrics } from "../../engine/telemetry/metrics.ts";

const [path = "", namespace = "", identity = ""] = process.argv.slice(2);
const text = readFileSync(path, "utf8");
createOperator({
  cluster: createCluster(connectionFromKubeconfig({ text, environment: {} })),
  platform: Platform.parse({ namespace }),
  factsReader: createModelFactsReader({
    bundledFolder: fileURLToPath(new URL("../../engine/models/bundled", import.meta.url)),
    hub: { endpoint: "https://huggingface.co", token: undefined },
    guard: "public",
  }),
  version: "0.0.0",
  clock: systemClock,
  log: createLog({
    level: "info",
    format: "json",
    clock: systemClock,
    write: line => process.stdout.write(line),
  }),
  metrics: createMetrics(),
  identity,
});
// Timers of the loops do not keep a process alive.
setInterval(() => undefined, 60_000);
