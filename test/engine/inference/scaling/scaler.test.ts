/** The scaler's end, where the cluster never answers. */
import { expect, test } from "vitest";
import { createStaticCatalog } from "../../../../engine/inference/routing/static-catalog.ts";
import { createScaler } from "../../../../engine/inference/scaling/scaler.ts";
import { systemClock } from "../../../../engine/kit/clock.ts";
import { createCluster } from "../../../../engine/kubernetes/client.ts";
import { connectionFromKubeconfig } from "../../../../engine/kubernetes/connection.ts";
import { createLog } from "../../../../engine/telemetry/log.ts";
import { createMetrics } from "../../../../engine/telemetry/metrics.ts";
import { freePorts } from "../../../support/ports.ts";

test("it ends at once although no list ever came", async () => {
  const [port] = await freePorts(1);
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const log = createLog({ level: "info", format: "json", clock: systemClock, write });
  const text = JSON.stringify({
    clusters: [{ name: "gone", cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: "nobody", user: {} }],
    contexts: [{ name: "gone", context: { cluster: "gone", user: "nobody" } }],
    "current-context": "gone",
  });
  const cluster = createCluster(connectionFromKubeconfig({ text, environment: {} }), { log });
  const catalog = createStaticCatalog({ models: [], workers: {} });
  const scaler = createScaler({
    cluster,
    namespace: "echorator",
    leaseName: "echorator-scaler",
    instance: "gateway-1",
    mayLead: true,
    catalog,
    demand: () => new Map(),
    onTakenBack: () => undefined,
    clock: systemClock,
    telemetry: { log, metrics: createMetrics() },
  });
  await expect.poll(() => lines.join(""), { timeout: 5_000 }).toContain("cannot be taken up");
  await scaler.close();
  cluster.close();
  expect(scaler.leads()).toBe(false);
});
