/** Every field of a specification and what it changes: nothing is silently ignored, and what only gateways read rolls no pod. */
import { expect, test } from "vitest";
import { annotations, type KubernetesObject } from "../../../engine/contract/kubernetes.ts";
import { ModelSpec, type ModelSpecInput } from "../../../engine/contract/model.ts";
import { Platform } from "../../../engine/contract/platform.ts";
import { planModel } from "../../../engine/manifests/model.ts";
import type { ModelPlan } from "../../../engine/manifests/plan.ts";
import { at, find, mapAt } from "../../support/manifests/objects.ts";
import { allApis, shapeOf } from "../../support/manifests/random-plans.ts";

const platform = Platform.parse({
  apis: allApis,
  profiles: { large: { cpu: "4", memory: "64Gi" } },
  storage: { node: "local", shared: "files", own: "block" },
});

const base: ModelSpecInput = { name: "echo", source: "hf:owner/repo/model.gguf" };

function plan(spec: ModelSpecInput): ModelPlan {
  const shape = shapeOf();
  return planModel({
    spec: ModelSpec.parse(spec),
    platform,
    shape,
    canaryShape: shape,
    version: "0.1.0",
    managedBy: "test",
  });
}

/** What differs: kinds (with the name where it is not the model's), keys of the ConfigMap, and parts of the pods. */
function changes(before: ModelPlan, after: ModelPlan): string[] {
  const of = (object: KubernetesObject) =>
    object.metadata.name === "model-echo" ? object.kind : `${object.kind} ${object.metadata.name}`;
  const kinds = new Set([...before.objects, ...after.objects].map(of));
  return [...kinds].flatMap(kind => {
    const one = before.objects.find(object => of(object) === kind);
    const other = after.objects.find(object => of(object) === kind);
    if (one === undefined) return [`+${kind}`];
    if (other === undefined) return [`-${kind}`];
    if (same(one, other)) return [];
    if (kind === "ConfigMap") return keysThatDiffer(mapAt(one, "data"), mapAt(other, "data"));
    if (kind !== "Deployment") return [kind];
    return [
      ...(same(at(one, "spec.template"), at(other, "spec.template")) ? [] : ["pods"]),
      ...(same(withoutTemplate(one), withoutTemplate(other)) ? [] : ["workload"]),
    ];
  });
}

function keysThatDiffer(one: Record<string, string>, other: Record<string, string>): string[] {
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].filter(key => one[key] !== other[key]).sort();
}

function withoutTemplate(object: KubernetesObject): unknown {
  return { ...object, spec: { ...(object.spec as object), template: undefined } };
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

type Row = { field: keyof ModelSpec; to: Partial<ModelSpecInput>; changes: string[] };

/** What gateways read alone: their route, and no pod. */
const routeOnly: Row[] = [
  { field: "aliases", to: { aliases: ["llama3.2:1b"] }, changes: ["route.json"] },
  { field: "required", to: { required: false }, changes: ["route.json"] },
  { field: "system", to: { system: "Be short." }, changes: ["route.json"] },
  { field: "sampling", to: { sampling: { temperature: 0 } }, changes: ["route.json"] },
  { field: "memory", to: { memory: { main: "off" } }, changes: ["route.json"] },
  { field: "keys", to: { keys: ["app"] }, changes: ["route.json"] },
  {
    field: "scaling",
    to: { replicas: { min: 1, max: 3 }, scaling: { queueSeconds: 2 } },
    changes: ["route.json", "workload"],
  },
];

const forPods: Row[] = [
  {
    field: "source",
    to: { source: "https://models.example.org:8443/m.gguf" },
    changes: ["route.json", "engine.yaml", "NetworkPolicy", "pods"],
  },
  { field: "sourceSecret", to: { sourceSecret: { name: "hub" } }, changes: ["route.json", "pods"] },
  {
    field: "sha256",
    to: { sha256: "a".repeat(64) },
    changes: ["engine.yaml", "route.json", "pods"],
  },
  { field: "context", to: { context: 1_024 }, changes: ["engine.yaml", "route.json", "pods"] },
  { field: "slots", to: { slots: 8 }, changes: ["engine.yaml", "route.json", "pods"] },
  {
    field: "kv",
    to: { kv: { keys: "q8_0", values: "q8_0" } },
    changes: ["engine.yaml", "route.json", "pods"],
  },
  { field: "replicas", to: { replicas: { min: 2, max: 2 } }, changes: ["route.json", "workload"] },
  { field: "profile", to: { profile: "large" }, changes: ["engine.yaml", "route.json", "pods"] },
  {
    field: "storage",
    to: { storage: { tier: "own" } },
    changes: ["route.json", "-Deployment", "+StatefulSet"],
  },
  { field: "spread", to: { spread: "zone" }, changes: ["route.json", "pods"] },
  {
    field: "maxUnavailable",
    to: { maxUnavailable: 2 },
    changes: ["route.json", "PodDisruptionBudget", "workload"],
  },
  { field: "priority", to: { priority: "high" }, changes: ["route.json", "pods"] },
  {
    field: "canary",
    to: { canary: { source: "hf:owner/repo/other.gguf", weight: 5 } },
    changes: [
      "canary.yaml",
      "route.json",
      "+Service model-echo-canary",
      "+Deployment model-echo-canary",
    ],
  },
  { field: "pod", to: { pod: { labels: { team: "a" } } }, changes: ["route.json", "pods"] },
];

/** Refused as long as nobody does it. */
const notYet: (keyof ModelSpec)[] = ["adapters", "vertical"];

const rows = [...routeOnly, ...forPods];

test("the table has every field but the name, which all objects have", () => {
  const fields = new Set<string>(rows.map(({ field }) => field));
  expect([...fields, ...notYet, "name"].sort()).toEqual(Object.keys(ModelSpec.shape).sort());
});

test.each(rows)("$field", row => {
  const after = plan({ ...base, ...row.to });
  expect(changes(plan(base), after).sort()).toEqual([...row.changes].sort());
  expect(after.warnings).toEqual([]);
});

test.each(routeOnly)("$field leaves the pods' digest as it is", ({ to }) => {
  const digest = (spec: ModelSpecInput) =>
    at(find(plan(spec).objects, "Deployment"), "spec.template.metadata.annotations")?.[
      annotations.configDigest as never
    ];
  expect(digest(base)).toMatch(/^[0-9a-f]{64}$/);
  expect(digest({ ...base, ...to })).toBe(digest(base));
});

/** What a combination cannot honour is said, or refused; never left out in silence. */
test.each<[string, Partial<ModelSpecInput>, RegExp]>([
  ["a fixed number is not scaled", { scaling: {} }, /`scaling` has no effect/],
  [
    "nothing is fetched",
    { source: "bundled:echo-tiny", storage: { tier: "own" } },
    /`storage` has no effect/,
  ],
  [
    "a claim is there already",
    { source: "pvc://claim/m.gguf", storage: { tier: "own" } },
    /`storage` has no effect/,
  ],
  ["no class", { storage: { tier: "ephemeral", class: "fast" } }, /`storage.class` has no effect/],
  ["one volume for all", { storage: { tier: "shared", size: "9Gi" } }, /`storage.size` has no/],
  [
    "a token for nobody",
    { source: "https://a.example.org/m.gguf", sourceSecret: { name: "s" } },
    /`sourceSecret` has no effect/,
  ],
  ["a file of the image", { source: "file:///weights/m.gguf" }, /must be in the engine's image/],
  [
    "cores alone",
    { replicas: { min: 1, max: 2 }, scaling: { by: "hpa", queueSeconds: 1 } },
    /`scaling.queueSeconds` has no effect/,
  ],
])("%s: a warning", (_, to, sentence) => {
  expect(plan({ ...base, ...to }).warnings.join(" ")).toMatch(sentence);
});

test.each<[string, Partial<ModelSpecInput>, RegExp]>([
  ["an unknown profile", { profile: "huge" }, /no profile "huge"/],
  [
    "two claims",
    { source: "pvc://a/m.gguf", canary: { source: "pvc://b/m.gguf", weight: 1 } },
    /two claims/,
  ],
  [
    "a server as canary",
    { canary: { source: "openai:https://h/v1#m", weight: 1 } },
    /needs weights/,
  ],
  ["our labels", { pod: { labels: { "echorator.dev/model": "x" } } }, /set by Echorator/],
  ["our annotations", { pod: { annotations: { "echorator.dev/config-digest": "x" } } }, /set by/],
  ["our settings", { pod: { env: { ECHORATOR_HOST: "x" } } }, /cannot be set there/],
  ["the token", { pod: { env: { HF_TOKEN: "x" } } }, /cannot be set there/],
  ["code of others", { pod: { env: { NODE_OPTIONS: "--import=data:," } } }, /cannot be set there/],
  [
    "another hub for the token",
    {
      source: "hf:a/b/c.gguf",
      sourceSecret: { name: "s" },
      pod: { env: { HF_ENDPOINT: "https://elsewhere.example.org" } },
    },
    /HF_ENDPOINT cannot be set there/,
  ],
  [
    "adapters, which no engine applies",
    { adapters: [{ name: "a", source: "hf:owner/repo/lora.gguf" }] },
    /cannot apply LoRA adapters yet/,
  ],
  ["bounds that nobody resizes within", { vertical: { min: "2", max: "4" } }, /nobody resizes/],
  ["a volume that is too small", { storage: { tier: "own", size: "1Mi" } }, /need a volume of/],
  [
    "an image without a digest",
    { source: "file:///models/m.gguf", storage: { tier: "image", image: "a:1" } },
    /no storage of the tier `image`/,
  ],
])("%s: refused", (_, to, sentence) => {
  expect(() => plan({ ...base, ...to })).toThrow(sentence);
});

test("a server of others says which fields are for pods alone", () => {
  const { objects, warnings, prediction } = plan({
    name: "echo",
    source: "openai:https://api.example.org/v1#gpt",
    sourceSecret: { name: "echorator-endpoints" },
    replicas: { min: 1, max: 2 },
    profile: "large",
    aliases: ["gpt"],
  });
  expect(objects.map(({ kind }) => kind)).toEqual(["ConfigMap", "NetworkPolicy"]);
  expect(prediction).toBeUndefined();
  expect(warnings).toEqual([
    "`replicas` has no effect: the model runs on a server of others.",
    "`profile` has no effect: the model runs on a server of others.",
  ]);
});

test("a server's key is in the Secret that gateways have", () => {
  const spec = { name: "echo", source: "openai:https://h/v1#m", sourceSecret: { name: "mine" } };
  expect(() => plan(spec)).toThrow(/which gateways do not have/);
});

test("weights whose header nobody could read: declared sizes, and a sentence", () => {
  const { prediction, warnings, objects } = planModel({
    spec: ModelSpec.parse(base),
    platform,
    shape: undefined,
    version: "0.1.0",
    managedBy: "test",
  });
  expect(prediction).toBeUndefined();
  expect(warnings.join()).toMatch(/could not be read: memory, volume and start-up time/);
  const limit = at(find(objects, "Deployment"), "spec.template.spec.containers.0.resources.limits");
  expect(limit).toMatchObject({ memory: "4096Mi" });
});
