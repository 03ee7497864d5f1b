/** Seeded platforms and models that turn every knob, and only combinations that a plan takes. */
import { ModelSpec, type ModelSpecInput } from "../../../engine/contract/model.ts";
import {
  type ModelShape,
  Platform,
  type PlatformInput,
} from "../../../engine/contract/platform.ts";
import { createSeededRandom, type Random } from "../../../engine/kit/random.ts";
import type { ModelPlanInput } from "../../../engine/manifests/plan.ts";

const digest = "0".repeat(64);
const canaryDigest = "c".repeat(64);

export const allApis = [
  "monitoring.coreos.com/v1/PodMonitor",
  "keda.sh/v1alpha1/ScaledObject",
  "gateway.networking.k8s.io/v1/HTTPRoute",
  "metrics.k8s.io/v1beta1/PodMetrics",
];

export function shapeOf(random: Random = () => 0): ModelShape {
  const blocks = 2 + Math.floor(random() * 20);
  return {
    bytes: 400_000_000 + Math.floor(random() * 4e9),
    tensorBytes: 400_000_000,
    parameters: 500_000_000,
    architecture: "llama",
    quantization: "Q8_0",
    contextTrained: 8_192,
    blockCount: blocks,
    embeddingLength: 896,
    feedForwardLength: 4_864,
    headsKv: Array.from({ length: blocks }, () => 2),
    keyLength: 64,
    valueLength: 64,
    vocabularySize: 151_936,
  };
}

/** A platform and an installation's knobs; everything that models of `randomSpec` may ask for is there. */
export function randomPlatform(random: Random): Platform {
  const database = pick<PlatformInput["database"]>(random, [
    { kind: "embedded", size: "5Gi" },
    { kind: "postgres", image: "postgres:17", password: { name: "db", key: "password" } },
    { kind: "external", url: { name: "db", key: "url" }, egress: ["10.9.0.0/24"] },
  ]);
  const cache = pick<PlatformInput["cache"]>(random, [
    { kind: "none" },
    { kind: "valkey", image: "valkey:8" },
    { kind: "external", url: { name: "cache", key: "url" }, egress: ["10.9.1.0/24"] },
  ]);
  return Platform.parse({
    installation: pick(random, ["echorator", "team-a", `i${"x".repeat(60)}`]),
    namespace: pick(random, ["echorator", "models"]),
    apis: allApis.filter(api => api.startsWith("keda") || random() < 0.5),
    profiles: {
      large: { cpu: "4", cpuLimit: "6", memory: "64Gi" },
      gpu: { accelerator: "nvidia", gpus: 1, gpuMemory: "80Gi", image: "localhost/engine:cuda" },
      mig: {
        gpus: 1,
        resourceName: "nvidia.com/mig-1g.10gb",
        nodeSelector: { pool: "gpu" },
        tolerations: [{ key: "nvidia.com/gpu", operator: "Exists" }],
        runtimeClassName: "nvidia",
      },
    },
    storage: { node: "local", shared: "files", own: "block" },
    imageVolumes: true,
    imagePullSecrets: random() < 0.3 ? ["pull"] : [],
    database,
    cache,
    gateway: {
      replicas: database?.kind === "embedded" ? 1 : 1 + Math.floor(random() * 3),
      service: pick(random, ["ClusterIP", "LoadBalancer", "NodePort"]),
      drainSeconds: pick(random, [0, 5, 30]),
      ...maybe(random, { host: "echo.example.org" }),
    },
    clientCidrs: pick(random, [["0.0.0.0/0", "::/0"], ["10.0.0.0/8"]]),
    sourceCidrs: pick(random, [["0.0.0.0/0"], ["0.0.0.0/0", "::/0"], ["10.1.2.0/24"]]),
    requestSeconds: pick(random, [60, 600, 3_600]),
  });
}

export function randomSpec(random: Random, index = 0): ModelSpec {
  const source = pick(random, [
    "bundled:echo-tiny",
    "hf:owner/repo/model.gguf",
    "https://models.example.org:8443/model.gguf",
    "pvc://weights/path/model.gguf",
    "file:///models/model.gguf",
    "openai:https://api.example.org/v1#gpt",
    "openai:http://vllm.other.svc:8000/v1#llm",
  ]);
  const input: ModelSpecInput = {
    name: `m${index}${random() < 0.2 ? `-${"long".repeat(14)}` : ""}`,
    source,
    slots: 1 + Math.floor(random() * 4),
    ...maybe(random, { aliases: [`alias${index}:1b`] }),
    ...maybe(random, { sha256: digest }),
    ...maybe(random, { context: pick(random, [64, 1_000, 8_192]) }),
    ...maybe(random, { kv: { keys: "q8_0", values: "q4_0" } }),
    ...maybe(random, { system: "Be short." }),
    ...maybe(random, { sampling: { temperature: 0.5 } }),
    ...maybe(random, { memory: { main: "off" } }),
    ...maybe(random, { keys: ["app"] }),
    ...maybe(random, { profile: pick(random, ["large", "gpu", "mig"]) }),
    ...maybe(random, { spread: pick(random, ["none", "node", "zone"]) }),
    ...maybe(random, { maxUnavailable: 2 }),
    ...maybe(random, { priority: "high" }),
    ...maybe(random, { required: false }),
    ...randomReplicas(random),
    ...randomPod(random),
  };
  if (source.startsWith("file:"))
    input.storage = { tier: "image", image: `registry.example.org/w@sha256:${digest}` };
  else if (random() < 0.7)
    input.storage = { tier: pick(random, ["ephemeral", "node", "shared", "own"] as const) };
  if (!source.startsWith("openai:") && random() < 0.3)
    input.canary = { source, sha256: canaryDigest, weight: Math.floor(random() * 101) };
  return ModelSpec.parse(input);
}

function randomReplicas(random: Random): Partial<ModelSpecInput> {
  if (random() < 0.3) return {};
  const min = Math.floor(random() * 3);
  const max = Math.max(1, min + Math.floor(random() * 4));
  const by = pick(random, ["echorator", "hpa", "keda"] as const);
  return {
    replicas: { min, max },
    ...maybe(random, {
      scaling: {
        by,
        queueSeconds: 2,
        windows: [{ from: "22:00", to: "06:00", zone: "Europe/Zurich", min: 1 }],
      },
    }),
  };
}

function randomPod(random: Random): Partial<ModelSpecInput> {
  if (random() < 0.5) return {};
  return {
    pod: {
      labels: { team: "a" },
      annotations: { "example.org/owner": "b" },
      nodeSelector: { disk: "fast" },
      tolerations: [{ key: "spot", operator: "Exists", effect: "NoSchedule" }],
      schedulerName: "other",
      imagePullSecrets: ["own"],
      env: { HF_ENDPOINT: "https://mirror.example.org" },
    },
  };
}

export interface RandomPlan {
  seed: number;
  platform: Platform;
  inputs: ModelPlanInput[];
}

/** One platform and a few models on it. */
export function randomPlan(seed: number, models = 3): RandomPlan {
  const random = createSeededRandom(seed);
  const platform = randomPlatform(random);
  const inputs = Array.from({ length: models }, (_, index) => {
    const spec = randomSpec(random, index);
    const shape = random() < 0.8 ? shapeOf(random) : undefined;
    return { spec, platform, shape, canaryShape: shape, version: "0.1.0", managedBy: "test" };
  });
  return { seed, platform, inputs };
}

export function pick<Value>(random: Random, values: readonly Value[]): Value {
  return values[Math.floor(random() * values.length)] as Value;
}

function maybe<Value extends object>(random: Random, value: Value): Value | Record<string, never> {
  return random() < 0.35 ? value : {};
}
