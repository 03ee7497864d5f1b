/** The scaler's end, where the cluster never answers. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { createStaticCatalog } from "../../../../engine/inference/routing/static-catalog.ts";
import { createScaler, type Scaler } from "../../../../engine/inference/scaling/scaler.ts";
import { systemClock } from "../../../../engine/kit/clock.ts";
import { createCluster } from "../../../../engine/kubernetes/client.ts";
import type { Cluster } from "../../../../engine/kubernetes/cluster.ts";
import { connectionFromKubeconfig } from "../../../../engine/kubernetes/connection.ts";
import { createLog } from "../../../../engine/telemetry/log.ts";
import { createMetrics } from "../../../../engine/telemetry/metrics.ts";
import { freePorts } from "../../../support/ports.ts";

const lines: string[] = [];
const write = (line: string) => void lines.push(line);
const log = createLog({ level: "info", format: "json", clock: systemClock, write });

function open(port: number): { scaler: Scaler; cluster: Cluster } {
  const text = JSON.stringify({
    clusters: [{ name: "gone", cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: "nobody", user: {} }],
    contexts: [{ name: "gone", context: { cluster: "gone", user: "nobody" } }],
    "current-context": "gone",
  });
  const cluster = createCluster(connectionFromKubeconfig({ text, environment: {} }), { log });
  const scaler = createScaler({
    ...{ cluster, namespace: "echorator", leaseName: "echorator-scaler", instance: "gateway-1" },
    ...{ mayLead: true, catalog: createStaticCatalog({ models: [], workers: {} }) },
    ...{ demand: () => new Map(), onTakenBack: () => undefined, clock: systemClock },
    telemetry: { log, metrics: createMetrics() },
  });
  return { scaler, cluster };
}

test("it ends at once although no list ever came", async () => {
  const [port] = await freePorts(1);
  const { scaler, cluster } = open(port!);
  await expect.poll(() => lines.join(""), { timeout: 5_000 }).toContain("cannot be taken up");
  await scaler.close();
  cluster.close();
  expect(scaler.leads()).toBe(false);
});

test("it ends although it leads and the cluster answers nothing any more", async () => {
  const asked: string[] = [];
  const metadata = { name: "echorator-scaler", namespace: "echorator", uid: "u" };
  const lease = { metadata: { ...metadata, resourceVersion: "1" }, spec: {} };
  const server = createServer(({ method, url = "" }, response) => {
    asked.push(method ?? "");
    if (method !== "GET") return;
    if (url.includes("watch=1")) return void response.writeHead(200).flushHeaders();
    const spec = { holderIdentity: "gateway-1", renewTime: "2026-01-01T00:00:00.000000Z" };
    const items = [{ ...lease, spec }];
    response.end(JSON.stringify({ metadata: { resourceVersion: "1" }, items }));
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const { scaler, cluster } = open((server.address() as AddressInfo).port);
  await expect.poll(() => asked).toContain("PATCH");
  await scaler.close();
  cluster.close();
  server.closeAllConnections();
  server.close();
});
