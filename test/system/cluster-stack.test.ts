/** The whole program of a cluster's stack, run by the embedded engine: what it registers is what was planned and what is rendered. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import type { KubernetesObject } from "../../engine/contract/kubernetes.ts";
import { isObject as isFields, isSecret } from "../../stacks/embedded/values.ts";
import { readTrackedValues, toClusterValues } from "../support/cluster-stack.ts";
import { projectRoot } from "../support/copy.ts";
import { randomModel, richPlatform } from "../support/random-models.ts";
import {
  createStackHarness,
  type RecordedCall,
  type StackHarness,
} from "../support/stack-harness.ts";

const offline = { HF_ENDPOINT: "http://127.0.0.1:1", HF_TOKEN: "", KUBECONFIG: "/nowhere/config" };

function createHarness(config: Record<string, string>, secretKeys: string[] = []): StackHarness {
  return createStackHarness({
    projectRoot,
    stack: "dev",
    config,
    secretKeys,
    environment: offline,
  });
}

const isObject = ({ type }: RecordedCall) => type.startsWith("kubernetes:");

/** What is registered, without what only Pulumi reads. */
function toObjects(calls: RecordedCall[]): Record<string, unknown> {
  return byName(calls.filter(isObject).map(({ inputs }) => withoutPulumi(inputs)));
}

function withoutPulumi(inputs: Record<string, unknown>): KubernetesObject {
  const object = structuredClone(inputs) as unknown as KubernetesObject;
  const { annotations, ...metadata } = object.metadata;
  const own = Object.entries(annotations ?? {}).filter(([key]) => !key.startsWith("pulumi.com/"));
  const rest = own.length === 0 ? {} : { annotations: Object.fromEntries(own) };
  return { ...object, metadata: { ...metadata, ...rest } };
}

function byName(objects: KubernetesObject[]): Record<string, KubernetesObject> {
  return Object.fromEntries(
    objects.map(object => [`${object.kind} ${object.metadata.name}`, object]),
  );
}

/** What `npm run render` writes of a tracked stack. */
function renderTracked(name: string): Record<string, KubernetesObject> {
  const folder = mkdtempSync(join(tmpdir(), "echorator-render-"));
  try {
    const args = ["stacks/run.ts", "render", name, "--out", join(folder, "out")];
    const env = { ...process.env, ...offline, ECHORATOR_HOME: join(folder, "home") };
    execFileSync(process.execPath, args, { cwd: projectRoot, env });
    const files = readdirSync(join(folder, "out")).filter(file => file.endsWith(".yaml"));
    return byName(files.map(file => parse(readFileSync(join(folder, "out", file), "utf8"))));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("dev registers what it renders; a second run changes nothing; going down keeps the memory", async () => {
  using harness = createHarness(readTrackedValues("dev"));
  const up = await harness.run("up");
  expect(up.succeeded, up.output).toBe(true);
  expect(toObjects(up.calls)).toEqual(renderTracked("dev"));
  const again = await harness.run("up");
  expect(again.calls).toEqual([]);
  const down = await harness.run("down");
  expect(down.succeeded, down.output).toBe(true);
  const deleted = new Set(down.calls.map(call => call.type.split(":").at(-1)));
  expect(deleted).toContain("Deployment");
  for (const kept of ["PersistentVolumeClaim", "Namespace"]) expect(deleted).not.toContain(kept);
});

test("staging registers what it renders", async () => {
  using harness = createHarness(readTrackedValues("staging"));
  const up = await harness.run("up");
  expect(up.succeeded, up.output).toBe(true);
  expect(toObjects(up.calls)).toEqual(renderTracked("staging"));
});

test("20 random models register what they are planned as", async () => {
  const models = Array.from({ length: 20 }, (_, seed) => randomModel(seed));
  using harness = createHarness(toClusterValues({ models, platform: richPlatform }));
  const up = await harness.run("up");
  expect(up.succeeded, up.output).toBe(true);
  expect(toObjects(up.calls)).toEqual(await planObjects(models));
});

async function planObjects(models: object[]): Promise<Record<string, KubernetesObject>> {
  const { allObjects, planCluster } = await import("../../stacks/cluster/plan.ts");
  const { readFacts } = await import("../../stacks/cluster/readings.ts");
  const { readVersion } = await import("../../stacks/version.ts");
  const { toClusterStack } = await import("../support/cluster-stack.ts");
  const stack = toClusterStack({ models, platform: richPlatform });
  const folder = mkdtempSync(join(tmpdir(), "echorator-facts-"));
  try {
    const hub = { endpoint: offline.HF_ENDPOINT, token: undefined };
    const { signal } = new AbortController();
    const readings = await readFacts(stack.engine.models, { hub, cacheFolder: folder, signal });
    const options = { stack, readings, version: readVersion(), withOperator: false };
    return byName(allObjects(planCluster(options)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const many = (count: number, slots: number) => ({
  models: Array.from({ length: count }, (_, at) => ({
    ...{ name: `m${at}`, source: "bundled:echo-tiny", context: 512 },
    slots: at === 3 ? slots : 2,
  })),
});

test("100 models are one preview", async () => {
  using harness = createHarness(toClusterValues(many(100, 2)));
  const start = performance.now();
  const preview = await harness.run("preview");
  const seconds = (performance.now() - start) / 1000;
  expect(preview.succeeded, preview.output).toBe(true);
  expect(preview.counts.create).toBeGreaterThan(600);
  console.info(
    `preview of 100 models: ${seconds.toFixed(1)} s, ${preview.counts.create} resources`,
  );
});

test("a change of one model touches its objects alone", async () => {
  using harness = createHarness(toClusterValues(many(6, 2)));
  const up = await harness.run("up");
  expect(up.succeeded, up.output).toBe(true);
  const changed = await harness.run("up", { config: toClusterValues(many(6, 4)) });
  const touched = changed.calls.map(({ operation, name }) => `${operation} ${name}`);
  expect(touched.sort()).toEqual(["update m3-configmap", "update m3-deployment"]);
});

test("secret settings stay secret: in the state, and on the way to the provider", async () => {
  const fields = toClusterValues({
    models: [{ name: "a", source: "bundled:echo-tiny", system: "hidden-words" }],
  });
  using harness = createHarness(fields, ["echorator:models"]);
  const up = await harness.run("up");
  expect(up.succeeded, up.output).toBe(true);
  expect(up.output).not.toContain("hidden-words");
  const config = up.calls.find(({ name }) => name === "a-configmap");
  expect(isSecret(config?.inputs.data)).toBe(true);
  expect(config?.inputs.metadata).toMatchObject({ name: "model-a" });
  const clear = up.calls.filter(call => !call.name.startsWith("a-"));
  expect(JSON.stringify(clear)).not.toContain("hidden-words");
});

test("where one model cannot be, nothing is created and its path is named", async () => {
  const models = [
    { name: "good", source: "bundled:echo-tiny" },
    { name: "big", source: "bundled:echo-tiny", profile: "small" },
  ];
  const platform = { profiles: { small: { memory: "16Mi" } } };
  using harness = createHarness(toClusterValues({ models, platform }));
  const up = await harness.run("up");
  expect(up.succeeded).toBe(false);
  expect(up.calls).toEqual([]);
  expect(up.output).toMatch(/echorator:models\[1\]/);
});

test("components group what belongs together, and wait where waiting is worth it", async () => {
  const models = [{ name: "a", source: "bundled:echo-tiny" }];
  using harness = createHarness(toClusterValues({ models }));
  const { resources, calls } = await harness.run("up");
  const paths = resources.map(({ urn }) => urn.split("::").slice(2).join(" "));
  expect(paths.find(path => path.endsWith("Deployment a-deployment"))).toContain(
    "echo:components:Model$kubernetes:apps/v1:Deployment",
  );
  expect(paths.some(path => path.includes("EnginePool$echo:components:Gateway$"))).toBe(true);
  const annotationsOf = (name: string) => {
    const metadata = calls.find(call => call.name === name)?.inputs.metadata;
    return isFields(metadata) ? metadata.annotations : undefined;
  };
  expect(annotationsOf("a-deployment")).toMatchObject({
    "pulumi.com/timeoutSeconds": expect.stringMatching(/^\d+$/),
  });
  expect(annotationsOf("a-service")).toEqual({ "pulumi.com/skipAwait": "true" });
  const claim = resources.find(({ urn }) => urn.includes("PersistentVolumeClaim"));
  expect(claim).toMatchObject({ retainOnDelete: true });
});
