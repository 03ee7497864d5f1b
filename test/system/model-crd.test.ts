/** The custom resource Model on a real API server: what it takes, fills in and refuses, the same as the contract. */
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { toFieldProblems } from "../../engine/contract/config.ts";
import { type KubernetesObject, modelResource } from "../../engine/contract/kubernetes.ts";
import { ModelSpec } from "../../engine/contract/model.ts";
import { createCluster } from "../../engine/kubernetes/client.ts";
import type { Cluster } from "../../engine/kubernetes/cluster.ts";
import { connectionFromKubeconfig } from "../../engine/kubernetes/connection.ts";
import { kinds } from "../../engine/kubernetes/kinds.ts";
import { modelSchema, planModelCrd } from "../../engine/manifests/model-crd.ts";
import type { StructuralSchema } from "../../engine/manifests/structural-schema.ts";
import { describeOnTestbed, startTestbed, type Testbed } from "../support/testbed.ts";

const source = "bundled:echo-tiny";
const digest = "0".repeat(64);

/** Specification · the field that both name; lists of Kubernetes are named by their last step too. */
const wrong: [Record<string, unknown>, string][] = [
  [{}, "source"],
  [{ source: 7 }, "source"],
  [{ source: "" }, "source"],
  [{ source: "ftp://host/x.gguf" }, "source"],
  [{ source: "bundled:Echo" }, "source"],
  [{ source: "http://example.org/x.gguf" }, "source"],
  [{ source: "https://user:word@example.org/x.gguf" }, "source"],
  [{ source: "hf:owner/x.gguf" }, "source"],
  [{ source: "hf:owner/repo/../x.gguf" }, "source"],
  [{ source: "pvc://claim/../x.gguf" }, "source"],
  [{ source: "pvc://claim/x.bin" }, "source"],
  [{ source: "file://relative" }, "source"],
  [{ source: "openai:https://host/v1" }, "source"],
  [{ source, sha256: "abc" }, "sha256"],
  [{ source, slots: 0 }, "slots"],
  [{ source, slots: 65 }, "slots"],
  [{ source, slots: 1.5 }, "slots"],
  [{ source, slots: "4" }, "slots"],
  [{ source, context: 1 }, "context"],
  [{ source, kv: { keys: "q3" } }, "kv.keys"],
  [{ source, required: "yes" }, "required"],
  [{ source, aliases: ["a b"] }, "aliases[0]"],
  [{ source, aliases: Array.from({ length: 17 }, (_, index) => `a${index}`) }, "aliases"],
  [{ source, system: "x".repeat(65_537) }, "system"],
  [{ source, sampling: { temperature: 3 } }, "sampling.temperature"],
  [{ source, sampling: { topP: 0 } }, "sampling.topP"],
  [{ source, adapters: [{ name: "a" }] }, "adapters[0].source"],
  [{ source, adapters: [{ name: "a", source: "x" }] }, "adapters[0].source"],
  [{ source, memory: { main: "sometimes" } }, "memory.main"],
  [{ source, replicas: { min: 2, max: 1 } }, "replicas"],
  [{ source, replicas: { min: 2 } }, "replicas"],
  [{ source, replicas: { min: -1 } }, "replicas.min"],
  [{ source, replicas: { max: 1_001 } }, "replicas.max"],
  [{ source, scaling: { queueSeconds: 0 } }, "scaling.queueSeconds"],
  [{ source, scaling: { by: "hand" } }, "scaling.by"],
  [
    { source, scaling: { windows: [{ from: "8:00", to: "18:00", min: 1 }] } },
    "scaling.windows[0].from",
  ],
  [{ source, scaling: { windows: [{ from: "08:00", to: "18:00" }] } }, "scaling.windows[0].min"],
  [{ source, scaling: { windows: [{ from: "08:00", to: "18:00", min: 2 }] } }, "scaling.windows"],
  [{ source, profile: "No Profile" }, "profile"],
  [{ source, storage: { tier: "cloud" } }, "storage.tier"],
  [{ source, storage: { size: "much" } }, "storage.size"],
  [{ source, storage: { tier: "image" } }, "storage"],
  [{ source, storage: { tier: "own", image: "i" } }, "storage"],
  [{ source, spread: "rack" }, "spread"],
  [{ source, maxUnavailable: 0 }, "maxUnavailable"],
  [{ source, canary: { source: "bundled:other" } }, "canary.weight"],
  [{ source, canary: { source: "bundled:other", weight: 101 } }, "canary.weight"],
  [{ source, canary: { source, weight: 1 } }, "canary"],
  [{ source, sha256: digest, canary: { source, sha256: digest, weight: 1 } }, "canary"],
  [
    { source, canary: { source: "bundled:other", weight: 1, maxFirstTokenRatio: 1 } },
    "canary.maxFirstTokenRatio",
  ],
  [{ source, vertical: { min: "1" } }, "vertical.max"],
  [{ source, pod: { tolerations: [{ operator: "Maybe" }] } }, "pod.tolerations[0].operator"],
  [{ source, pod: { env: { A: 1 } } }, "pod.env.A"],
  [{ source, sourceSecret: { key: "k" } }, "sourceSecret.name"],
  [{ source, sourceSecret: { name: "" } }, "sourceSecret.name"],
  [{ source, sourceSecret: { name: "s", key: "../../etc/passwd" } }, "sourceSecret.key"],
  [{ source, sourceSecret: { name: "s", key: ".." } }, "sourceSecret.key"],
  [{ source, unknown: 1 }, "unknown"],
  [{ source, scaling: { unknown: 1 } }, "scaling.unknown"],
];

const right: Record<string, unknown>[] = [
  { source },
  { source: "file:///models/x.gguf" },
  { source: "https://example.org:8443/a/x.gguf?b=c" },
  { source: "http://127.0.0.1:8000/x.gguf" },
  { source: "hf:owner/repo/folder/x-Q4_K_M.gguf@refs/pr/1" },
  { source: "pvc://claim/folder/x.gguf" },
  { source: "openai:http://vllm.other.svc:8000/v1#meta-llama/Llama-3" },
  {
    source,
    replicas: { min: 0, max: 3 },
    scaling: { queueSeconds: 1.5, windows: [{ from: "08:00", to: "18:00", min: 2 }] },
  },
  { source, canary: { source, sha256: digest, weight: 10 } },
  { source, storage: { tier: "image", image: "registry.example.org/w@sha256:0" } },
  { source, pod: { labels: { team: "a" }, tolerations: [{ key: "gpu", operator: "Exists" }] } },
];

describeOnTestbed("api", "the custom resource Model", () => {
  let testbed: Testbed;
  let cluster: Cluster;
  let namespace: string;

  beforeAll(async () => {
    testbed = await startTestbed("api");
    const text = readFileSync(testbed.kubeconfig, "utf8");
    cluster = createCluster(connectionFromKubeconfig({ text, environment: {} }));
    await cluster.apply(planModelCrd(), { fieldManager: "test", force: true });
    const served = () =>
      cluster.list(kinds.model).then(
        () => true,
        () => false,
      );
    while (!(await served()));
    namespace = await testbed.createNamespace("crd");
  });
  afterAll(async () => {
    cluster?.close();
    await testbed?.stop();
  });

  function write(spec: Record<string, unknown>, name = "m", dryRun = true) {
    const { apiVersion, kind } = modelResource;
    const object = { apiVersion, kind, metadata: { name, namespace }, spec };
    return cluster.apply(object as unknown as KubernetesObject, { fieldManager: "test", dryRun });
  }

  test.each(wrong)("refuses %j", async (spec, field) => {
    const parsed = ModelSpec.safeParse({ ...spec, name: "m" });
    const problems = parsed.success ? [] : toFieldProblems(parsed.error);
    expect(problems.map(problem => problem.field)).toEqual(
      expect.arrayContaining([expect.stringMatching(new RegExp(`^${quoted(field)}`))]),
    );
    const refusal = await write(spec).then(
      () => undefined,
      (error: { apiFields: string[]; message: string; apiStatus: number }) => error,
    );
    expect(refusal).toMatchObject({ code: "kubernetes_failed" });
    const named = `${refusal?.apiFields.join(" ")} ${refusal?.message}`;
    expect(named).toContain(field.replace(/\[0\]\.?$/, ""));
  });

  test.each(right)("takes %j", async spec => {
    expect(ModelSpec.safeParse({ ...spec, name: "m" }).error).toBeUndefined();
    await write(spec);
  });

  test("names are those of the contract", async () => {
    await expect(write({ source }, "a.b")).rejects.toMatchObject({
      message: expect.stringContaining("a model's name is a DNS label"),
    });
  });

  test("fills in what the contract fills in", async () => {
    const spec = {
      source,
      replicas: {},
      scaling: { windows: [{ from: "08:00", to: "18:00", min: 1 }] },
      kv: {},
    };
    const made = await write(spec);
    const { name: _, ...expected } = ModelSpec.parse({ ...spec, name: "m" });
    expect(made.spec).toEqual(expected);
  });

  test("is seen as its columns say, and scales by its own field", async () => {
    await write({ source, replicas: { min: 1, max: 5 } }, "shown", false);
    const status = {
      phase: "Ready",
      replicas: 2,
      selector: "a=b",
      conditions: [
        {
          type: "Ready",
          status: "True",
          reason: "Serving",
          message: "2 replicas serve.",
          lastTransitionTime: "2026-01-01T00:00:00Z",
        },
      ],
    };
    const ref = { kind: kinds.model, name: "shown", namespace };
    await cluster.merge(ref, { status }, { subresource: "status" });
    const table = await testbed.kubectl(["-n", namespace, "get", "emodel", "shown"]);
    expect(table.split("\n")[0]).toMatch(/NAME\s+PHASE\s+READY\s+REPLICAS\s+PROGRESS\s+AGE/);
    expect(table).toMatch(/shown\s+Ready\s+True\s+2/);
    expect(await testbed.kubectl(["-n", namespace, "get", "echorator"])).toContain("shown");
    await testbed.kubectl(["-n", namespace, "scale", "emodel/shown", "--replicas=4"]);
    expect((await cluster.get(ref))?.spec).toMatchObject({
      replicas: { min: 1, max: 5, current: 4 },
    });
    await expect(
      cluster.merge(
        ref,
        { status: { conditions: [{ ...status.conditions[0], reason: "Invented" }] } },
        { subresource: "status" },
      ),
    ).rejects.toMatchObject({ apiReason: "Invalid" });
  });
});

/** The schema as it was published; what it takes has to be taken for ever. */
const published = new URL("../fixtures/model-crd-v1alpha1.json", import.meta.url);

test("the schema only grows", () => {
  if (process.env.ECHO_PUBLISH_CRD === "1")
    writeFileSync(published, `${JSON.stringify(modelSchema(), null, 2)}\n`);
  const before = JSON.parse(readFileSync(published, "utf8")) as StructuralSchema;
  expect(narrowed(before, modelSchema(), "")).toEqual([]);
});

test("a schema that takes less is noticed", () => {
  const before = modelSchema();
  const after = structuredClone(before);
  const { properties } = after.properties!.spec!;
  delete properties!.spread;
  properties!.slots!.maximum = 8;
  properties!.kv!.properties!.keys!.enum = ["f16"];
  after.properties!.spec!.required = ["source", "profile"];
  expect(narrowed(before, after, "")).toEqual([
    ".spec.profile is required now",
    ".spec.slots has a lower maximum",
    ".spec.kv.keys takes f32, q8_0, q5_0, q4_0 no longer",
    ".spec.spread is gone",
  ]);
});

function narrowed(
  before: StructuralSchema,
  after: StructuralSchema | undefined,
  path: string,
): string[] {
  if (after === undefined) return [`${path} is gone`];
  const lower = (["maximum", "maxLength", "maxItems", "maxProperties"] as const).filter(
    bound => (after[bound] ?? Infinity) < (before[bound] ?? Infinity),
  );
  const higher = (["minimum", "minLength", "minItems"] as const).filter(
    bound => (after[bound] ?? -Infinity) > (before[bound] ?? -Infinity),
  );
  const required = (after.required ?? []).filter(field => !before.required?.includes(field));
  const lost = (before.enum ?? []).filter(value => after.enum && !after.enum.includes(value));
  const own = [
    ...required.map(field => `${path}.${field} is required now`),
    ...lower.map(bound => `${path} has a lower ${bound}`),
    ...higher.map(bound => `${path} has a higher ${bound}`),
    ...(lost.length > 0 ? [`${path} takes ${lost.join(", ")} no longer`] : []),
    ...(before.type === after.type ? [] : [`${path} has another type`]),
    ...(JSON.stringify(before.default) === JSON.stringify(after.default)
      ? []
      : [`${path} has another default`]),
  ];
  const inner = Object.entries(before.properties ?? {}).flatMap(([name, schema]) =>
    narrowed(schema, after.properties?.[name], `${path}.${name}`),
  );
  const items = before.items === undefined ? [] : narrowed(before.items, after.items, `${path}[]`);
  const values =
    before.additionalProperties === undefined
      ? []
      : narrowed(before.additionalProperties, after.additionalProperties, `${path}{}`);
  return [...own, ...inner, ...items, ...values];
}

function quoted(text: string): string {
  return text.replace(/[[\].]/g, "\\$&");
}
