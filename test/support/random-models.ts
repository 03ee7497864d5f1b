/** Seeded random models for a cluster: every knob of a specification is turned by some of them. */
import { ModelSpec, type ModelSpecInput } from "../../engine/contract/model.ts";
import { Platform } from "../../engine/contract/platform.ts";
import { createSeededRandom, type Random } from "../../engine/kit/random.ts";

/** A platform on which all of them can be. */
export const richPlatform = Platform.parse({
  apis: ["monitoring.coreos.com/v1/PodMonitor", "keda.sh/v1alpha1/ScaledObject"],
  profiles: {
    large: { cpu: "4", memory: "8Gi" },
    gpu: { accelerator: "nvidia", gpus: 1, gpuMemory: "24Gi", memory: "8Gi" },
  },
  storage: { node: "local", shared: "files", own: "block" },
  imageVolumes: true,
});

export function randomModel(seed: number): ModelSpec {
  const random = createSeededRandom(seed);
  const input: ModelSpecInput = {
    name: `model-${seed}${"-with-a-long-name".repeat(Math.floor(random() * 3))}`,
    source: pick(random, ["bundled:echo-tiny", "bundled:echo-tiny", "pvc://claim/m.gguf"]),
    context: pick(random, [256, 1024, 2048]),
    slots: 1 + Math.floor(random() * 8),
    ...maybe(random, { kv: { keys: "q8_0", values: "f16" } }),
    ...maybe(random, { system: "on" }),
    ...maybe(random, { sampling: { temperature: 0.5 } }),
    ...maybe(random, { aliases: [`alias-${seed}:1b`] }),
    ...maybe(random, { profile: pick(random, ["large", "gpu"]) }),
    ...maybe(random, { spread: pick(random, ["none", "node", "zone"]) }),
    ...maybe(random, { maxUnavailable: 2 }),
    ...maybe(random, { priority: "high" }),
    ...maybe(random, { canary: { source: "hf:owner/repo/next.gguf", weight: 10 } }),
    ...maybe(random, { sourceSecret: { name: `token-${seed}` } }),
    ...maybe(random, { pod: { labels: { team: "yes" }, env: { MODE: "off" } } }),
    ...scaled(random),
  };
  const tier = pick(random, ["ephemeral", "ephemeral", "node", "shared", "own"] as const);
  if (!input.source.startsWith("pvc:") && random() < 0.6) input.storage = { tier };
  return ModelSpec.parse(input);
}

function scaled(random: Random): Partial<ModelSpecInput> {
  const min = Math.floor(random() * 3);
  const max = min + Math.floor(random() * 4);
  if (random() < 0.3) return {};
  if (max === min) return { replicas: { min: Math.max(1, min), max: Math.max(1, max) } };
  const by = pick(random, ["echorator", "hpa", "keda"] as const);
  return { replicas: { min, max }, scaling: { by, tokensWaiting: 10_000 } };
}

function maybe<V extends object>(random: Random, value: V): V | Record<string, never> {
  return random() < 0.3 ? value : {};
}

function pick<V>(random: Random, values: readonly [V, ...V[]]): V {
  return values[Math.floor(random() * values.length)] ?? values[0];
}
