/** kollama on real nodes, as its user types it: installed, deployed, asked, scaled, rolled, explained and taken away. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { paths } from "../../engine/contract/endpoints.ts";
import { type EngineImage, engineImage } from "../support/engine-image.ts";
import { type Ended, runKollama } from "../support/kollama.ts";
import { describeOnTestbed, startTestbed, type Testbed } from "../support/testbed.ts";

const namespace = "echorator";
const bundled = "bundled:echo-tiny";
const away = "https://nowhere.invalid/model.gguf";

/** Small requests, so that many models fit one node, and machines on which none starts. */
const platform = `
platform:
  defaultProfile: small
  gateway: { cpu: 50m }
  profiles:
    small: { cpu: 50m }
    tiny: { cpu: 50m, memory: 280Mi }
    unpullable: { cpu: 50m, image: "localhost/nobody/engine:0" }
    elsewhere: { cpu: 50m, nodeSelector: { kind: gpu } }
`;

/** What keeps each from working: how it is deployed, and what doctor says to do. */
const stuck = {
  image: { words: [bundled, "--profile", "unpullable"], remedy: "imagePullSecrets" },
  nowhere: { words: [bundled, "--profile", "elsewhere"], remedy: "must match a node" },
  large: { words: [bundled, "--profile", "tiny", "--slots", "64"], remedy: "would fit" },
  digest: { words: [bundled, "--sha256", "a".repeat(64)], remedy: "Correct `sha256`" },
  away: { words: [away], remedy: "sourceCidrs" },
  secret: {
    words: ["hf:nobody/none/none.gguf", "--set", "sourceSecret.name=nobody"],
    remedy: "Create the Secret",
  },
  volume: {
    words: [away, "--set", "storage.tier=own", "--set", "storage.class=no-such"],
    remedy: "StorageClass",
  },
};

describeOnTestbed("full", "kollama", () => {
  let image: EngineImage;
  let testbed: Testbed;
  let folder: string;
  let file: string;
  let key: string | undefined;

  beforeAll(async () => {
    image = await engineImage();
    testbed = await startTestbed("full", { images: [image.path] });
    folder = mkdtempSync(join(tmpdir(), "echorator-kollama-"));
    file = join(folder, "platform.yaml");
    writeFileSync(file, platform);
  });
  afterAll(async () => {
    await testbed?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const start = (args: readonly string[], until?: RegExp) => {
    const environment = {
      KUBECONFIG: testbed.kubeconfig,
      ...(key === undefined ? {} : { KOLLAMA_KEY: key }),
    };
    return runKollama(args, { environment, ...(until === undefined ? {} : { until }) });
  };
  const kollama = async (...args: string[]): Promise<string> => {
    const ended = await start(args);
    expect(ended, args.join(" ")).toMatchObject({ code: 0 });
    return ended.out;
  };
  const json = async <T>(...args: string[]) =>
    JSON.parse(await kollama(...args, "-o", "json")) as T;
  const replicas = async () =>
    (await json<{ replicas: { ready: number; wanted: number } }>("describe", "assistant")).replicas;

  test("installs definition, operator and gateway; again it changes nothing", async () => {
    const words = ["install", "-f", file, "--image", image.tag, "--timeout", "90s"];
    expect(await kollama(...words)).toContain("is installed");
    const again = await kollama(...words);
    expect(again).not.toMatch(/ (created|changed)$/m);
    expect(again).toContain("deployment/echorator-operator unchanged");
  });

  test("deploys a model that answers", async () => {
    const begun = performance.now();
    const words = ["assistant", bundled, "--replicas", "0..3", "--timeout", "90s"];
    expect(await kollama("deploy", ...words)).toContain("assistant is ready");
    const took = ((performance.now() - begun) / 1000).toFixed(1);
    process.stdout.write(`from deploy to ready: ${took} s\n`);
    expect(await kollama("list")).toMatch(/^NAME .*\nassistant +Ready +1\/1 +2048 /);
    expect(await kollama("describe", "assistant")).toContain("Gateways route to it");
    expect(await kollama("run", "assistant", "Hello, who are you?")).toContain("Echo");
    const rows = await json<{ model: string; state: string; slots: number }[]>("top");
    expect(rows).toMatchObject([{ model: "assistant", state: "ready", slots: 4 }]);
    expect(await kollama("doctor")).toContain("Nothing is wrong");
  });

  test("scales, rolls, and goes back to the spec before", async () => {
    await kollama("scale", "assistant", "2");
    await kollama("rollout", "status", "assistant", "--timeout", "60s");
    await expect.poll(replicas, { timeout: 30_000 }).toEqual({ ready: 2, wanted: 2 });
    expect(await kollama("rollout", "restart", "assistant")).toContain("is rolled out");
    await kollama("deploy", "assistant", bundled, "--slots", "2");
    await kollama("rollout", "undo", "assistant");
    const { spec } = await json<{ spec: { slots: number } }>("describe", "assistant");
    expect(spec.slots).toBe(4);
  });

  test("logs go on until they are left", async () => {
    const ended = await start(["logs", "assistant", "-f", "--tail", "5"], /"message":"request"/);
    expect(ended.code).toBe(130);
    expect(ended.told).toBe("");
  });

  test("is exposed, and the first key closes it", async () => {
    const address = (await kollama("expose", "--type", "LoadBalancer")).trim().split("\n").at(-1);
    const ask = async (headers: Record<string, string>) =>
      (await fetch(`${address}${paths.models}`, { headers })).status;
    await expect.poll(() => ask({}).catch(() => 0), { timeout: 20_000 }).toBe(200);
    const made: Ended = await start(["key", "create", "jane"]);
    expect(made.told).toContain("from now on the gateways want a key");
    await expect.poll(() => ask({}), { timeout: 10_000 }).toBe(401);
    expect((await start(["run", "assistant", "Hi"])).code).toBe(6);
    key = made.out.trim();
    expect(await ask({ authorization: `Bearer ${key}` })).toBe(200);
    expect(await kollama("run", "assistant", "Hello, who are you?")).toContain("Echo");
    expect(await kollama("key", "list")).toMatch(/\njane +default +use/);
    expect(await kollama("memory", "list")).toContain("CONVERSATION");
  });

  test(`explains ${Object.keys(stuck).length} models that are stuck, each with what to do`, async () => {
    const names = Object.keys(stuck);
    for (const [name, { words }] of Object.entries(stuck))
      await kollama("deploy", name, ...words, "--no-wait");
    const explained = async (name: string, remedy: string) => {
      const { code, out } = await start(["doctor", name]);
      return { code, isTold: out.includes(remedy) };
    };
    for (const [name, { remedy }] of Object.entries(stuck))
      await expect
        .poll(() => explained(name, remedy), { timeout: 40_000, interval: 500, message: name })
        .toEqual({ code: 7, isTold: true });
    expect((await start(["deploy", "large", ...stuck.large.words])).code).toBe(4);
    await kollama("undeploy", ...names);
    expect(await kollama("doctor", "assistant")).toContain("Nothing is wrong");
  });

  test("what render prints, the API server would take", async () => {
    const rendered = await kollama("render", "-f", file, "--image", image.tag);
    const apply = ["apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", "-"];
    expect(await testbed.kubectl(apply, rendered)).toContain("deployment.apps/echorator-gateway");
  });

  test("is taken away; memory stays until it is purged", async () => {
    await kollama("undeploy", "assistant");
    await kollama("uninstall", "-f", file);
    const claims = ["-n", namespace, "get", "pvc", "-o", "name"];
    expect(await testbed.kubectl(claims)).toContain("echorator-memory");
    const workloads = ["-n", namespace, "get", "deployments,services", "-o", "name"];
    await expect.poll(() => testbed.kubectl(workloads), { timeout: 60_000 }).toBe("");
    await kollama("uninstall", "-f", file, "--purge");
    const spaces = () => testbed.kubectl(["get", "namespaces", "-o", "name"]);
    await expect
      .poll(spaces, { timeout: 60_000, interval: 500 })
      .not.toContain(`namespace/${namespace}`);
  });
});
