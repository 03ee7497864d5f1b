/** Informers against a server that breaks off where a real one does so too seldom to be tested with. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createCluster } from "../../../engine/kubernetes/client.ts";
import type { Cluster } from "../../../engine/kubernetes/cluster.ts";
import { kinds } from "../../../engine/kubernetes/kinds.ts";

let server: Server | undefined;
let cluster: Cluster | undefined;
afterEach(() => {
  cluster?.close();
  server?.closeAllConnections();
  server?.close();
});

const page = (name: string, next?: string) =>
  JSON.stringify({
    metadata: { resourceVersion: "7", ...(next === undefined ? {} : { continue: next }) },
    items: [{ metadata: { name, namespace: "n", uid: name, resourceVersion: "1" } }],
  });

/** Lists come in two pages, and the first time the second one is refused; watches say nothing. */
async function openBreaking(asked: string[]): Promise<Cluster> {
  let isBroken = false;
  server = createServer(({ url = "" }, response) => {
    const query = new URL(url, "http://api").searchParams;
    const what = query.has("watch") ? "watch" : `list ${query.get("continue") ?? "first"}`;
    asked.push(what);
    if (what === "watch") return void response.writeHead(200).flushHeaders();
    if (what === "list first") return void response.end(page("a", "second"));
    if (isBroken) return void response.end(page("b"));
    isBroken = true;
    response.writeHead(503).end();
  });
  await new Promise<void>(resolve => server?.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return createCluster({
    ...{ server: `http://127.0.0.1:${port}`, defaultNamespace: "n", authorities: undefined },
    ...{ serverName: undefined, insecure: false, credentials: async () => ({}) },
  });
}

test("a list that breaks off between its pages is begun anew before anything is watched", async () => {
  const asked: string[] = [];
  cluster = await openBreaking(asked);
  const informer = cluster.inform(kinds.configMap, { namespace: "n" }, () => undefined);
  await informer.synced();
  expect([...informer.objects.keys()]).toEqual(["n/a", "n/b"]);
  expect(asked.slice(0, 4)).toEqual(["list first", "list second", "list first", "list second"]);
  informer.close();
});
