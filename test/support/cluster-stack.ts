/** Stacks with `target: kubernetes` for tests, as a stack's file would have them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { ModelShape } from "../../engine/contract/platform.ts";
import type { Readings } from "../../stacks/cluster/readings.ts";
import { type ClusterStack, parseStackConfig } from "../../stacks/parse-config.ts";
import { projectRoot } from "./copy.ts";

export interface ClusterStackFields {
  models: object[];
  platform?: object;
}

/** What the deployment engine hands to the program: texts, objects as JSON. */
export function toClusterValues({ models, platform = {} }: ClusterStackFields) {
  return {
    "echorator:target": "kubernetes",
    "echorator:auth": "none",
    "echorator:platform": JSON.stringify(platform),
    "echorator:models": JSON.stringify(models),
  };
}

/** The configuration of a tracked stack file, as the deployment engine hands it on. */
export function readTrackedValues(stack: string): Record<string, string> {
  const text = readFileSync(join(projectRoot, "stacks", `Pulumi.${stack}.yaml`), "utf8");
  const { config } = parse(text) as { config: Record<string, unknown> };
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

export function toClusterStack(fields: ClusterStackFields): ClusterStack {
  const stack = parseStackConfig(toClusterValues(fields));
  if ("problems" in stack) throw new Error(JSON.stringify(stack.problems));
  if (stack.target !== "kubernetes") throw new Error("a cluster's stack has the target kubernetes");
  return stack;
}

export function describeModel(name: string) {
  return { name, source: "bundled:echo-tiny", context: 1024, slots: 4 };
}

const shape: ModelShape = {
  ...{ bytes: 500_000_000, tensorBytes: 490_000_000, parameters: 500_000_000 },
  ...{ architecture: "llama", quantization: "Q8_0", contextTrained: 4096, blockCount: 24 },
  ...{ embeddingLength: 1024, feedForwardLength: 4096, headsKv: Array<number>(24).fill(2) },
  ...{ keyLength: 64, valueLength: 64, vocabularySize: 32_000 },
};

/** As if the header of `source` had been read. */
export function exampleReading(source = "bundled:echo-tiny"): Readings {
  const { architecture, parameters, quantization, contextTrained } = shape;
  const { embeddingLength, blockCount, vocabularySize } = shape;
  const facts = {
    ...{ architecture, parameters, quantization, contextTrained },
    ...{ embeddingLength, blockCount, vocabularySize },
    ...{ name: "example", license: undefined, chatTemplate: undefined },
  };
  return new Map([[source, { shape, facts, sha256: undefined, reason: undefined }]]);
}
