/** kollama's places against what they stand for: a stack's files, and a real API server with a gateway beside it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createEngineClient } from "../../engine/cli/engine-client.ts";
import { createClusterPlace } from "../../engine/cli/places/cluster-place.ts";
import { createStackPlace } from "../../engine/cli/places/stack-place.ts";
import { createConfigure } from "../../engine/cli/run-configure.ts";
import { sendByHttp } from "../../engine/cli/send-http.ts";
import { paths } from "../../engine/contract/endpoints.ts";
import { createCluster } from "../../engine/kubernetes/client.ts";
import { connectionFromKubeconfig } from "../../engine/kubernetes/connection.ts";
import { kinds } from "../../engine/kubernetes/kinds.ts";
import { planModelCrd } from "../../engine/manifests/model-crd.ts";
import { describePlace } from "../conformance/place.ts";
import { copyProject } from "../support/copy.ts";
import { runKollama } from "../support/kollama.ts";
import { freePorts } from "../support/ports.ts";
import { describeOnTestbed, startTestbed, type Testbed } from "../support/testbed.ts";

const engine = fileURLToPath(new URL("../../engine/main.ts", import.meta.url));
const within = { timeout: 20_000, interval: 100 };
const bundled = "bundled:echo-tiny";

describePlace("a stack", async () => {
  const copy = copyProject();
  const home = mkdtempSync(join(tmpdir(), "echorator-kollama-"));
  const environment = { PATH: process.env.PATH, ECHORATOR_HOME: home };
  return {
    place: createStackPlace({
      stack: "dev",
      configure: createConfigure(copy.path, "dev", environment),
      openEngine: url => createEngineClient(url, sendByHttp(url), undefined),
    }),
    spec: name => ({ name, source: bundled }),
    async end() {
      copy[Symbol.dispose]();
      rmSync(home, { recursive: true, force: true });
    },
  };
});

describeOnTestbed("api", "kollama on a cluster", () => {
  let testbed: Testbed;
  beforeAll(async () => {
    testbed = await startTestbed("api");
    await testbed.kubectl(["apply", "--server-side", "-f", "-"], JSON.stringify(planModelCrd()));
    const cluster = connect();
    await vi.waitFor(() => cluster.list(kinds.model), within);
    cluster.close();
  });
  afterAll(() => testbed?.stop());

  const connect = () => {
    const text = readFileSync(testbed.kubeconfig, "utf8");
    return createCluster(connectionFromKubeconfig({ text, environment: {} }));
  };
  const kollama = (namespace: string, ...args: string[]) =>
    runKollama([...args, "--namespace", namespace], {
      environment: { KUBECONFIG: testbed.kubeconfig },
    });

  describePlace("a cluster", async () => ({
    place: createClusterPlace({
      cluster: connect(),
      namespace: await testbed.createNamespace("place"),
      installation: "echorator",
      key: undefined,
    }),
    spec: name => ({ name, source: bundled }),
    end: async () => undefined,
  }));

  test("what install would do is checked by the API server, and what render prints is accepted by it", async () => {
    const dry = await kollama("echorator", "install", "--dry-run");
    expect(dry).toMatchObject({ code: 0, told: "" });
    expect(dry.out).toContain("deployment/echorator-operator would be created");
    const rendered = await kollama("default", "render");
    expect(rendered.code).toBe(0);
    const apply = ["apply", "--server-side", "--dry-run=server", "-f", "-"];
    expect(await testbed.kubectl(apply, rendered.out)).toContain("echorator-gateway");
  });

  test("an Ingress that was made goes with the installation", async () => {
    const namespace = "echorator";
    expect(await kollama(namespace, "install", "--no-wait")).toMatchObject({ code: 0, told: "" });
    const exposed = await kollama(namespace, "expose", "--type", "Ingress", "--host", "a.example");
    expect(exposed).toMatchObject({ code: 0, told: "" });
    expect(exposed.out).toContain("http://a.example");
    const left = () => testbed.kubectl(["-n", namespace, "get", "ingress,pvc", "-o", "name"]);
    expect(await left()).toContain("echorator-exposed");
    expect(await kollama(namespace, "uninstall")).toMatchObject({ code: 0, told: "" });
    expect(await left()).toBe("persistentvolumeclaim/echorator-memory\n");
  });

  test("a gateway takes keys as they are made and revoked", async () => {
    const namespace = await testbed.createNamespace("keys");
    const gateway = await startGateway(namespace, testbed.kubeconfig);
    const statusWith = async (key: string) => {
      const headers: Record<string, string> = key === "" ? {} : { "x-api-key": key };
      return (await fetch(`${gateway.url}${paths.models}`, { headers })).status;
    };
    try {
      await expect.poll(() => statusWith("").catch(() => 0), within).toBe(200);
      const jane = await kollama(namespace, "key", "create", "jane", "--tenant", "acme");
      expect(jane.told).toContain("from now on the gateways want a key from everyone");
      await expect.poll(() => statusWith(""), within).toBe(401);
      expect(await statusWith(jane.out.trim())).toBe(200);
      const joe = await kollama(namespace, "key", "create", "joe");
      await expect.poll(() => statusWith(joe.out.trim()), within).toBe(200);
      expect((await kollama(namespace, "key", "create", "joe")).code).toBe(1);
      expect((await kollama(namespace, "key", "list")).out).toMatch(/jane +acme +use.*\njoe /);
      expect((await kollama(namespace, "key", "revoke", "jane")).out).toBe("jane is revoked\n");
      await expect.poll(() => statusWith(jane.out.trim()), within).toBe(401);
      expect(await statusWith(joe.out.trim())).toBe(200);
      expect((await kollama(namespace, "key", "revoke", "jane")).code).toBe(3);
      const last = await kollama(namespace, "key", "revoke", "joe");
      expect(last.told).toContain("nobody is let in now");
    } finally {
      await gateway.stop();
    }
  });
});

async function startGateway(namespace: string, kubeconfig: string) {
  const home = mkdtempSync(join(tmpdir(), "echorator-gateway-"));
  const [main, ollama] = await freePorts(2);
  const settings = {
    ...{ role: "gateway", auth: "none", "gateway.namespace": namespace, graceSeconds: 0 },
    ...{ "ports.main": main, "ports.ollama": ollama },
  };
  const sets = Object.entries(settings).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
  const child: ChildProcess = spawn(process.execPath, [engine, "--home", home, ...sets], {
    env: { PATH: process.env.PATH, KUBECONFIG: kubeconfig },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const exited = once(child, "exit");
  return {
    url: `http://127.0.0.1:${main}`,
    async stop() {
      child.kill("SIGTERM");
      await exited;
      rmSync(home, { recursive: true, force: true });
    },
  };
}
