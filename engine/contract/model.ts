/** ModelSpec: what is wanted of one model, the same data in a stack file, a ConfigMap, a custom resource and the Admin API. */
import { z } from "zod";
import { EngineError } from "./errors.ts";
import { limits } from "./limits.ts";
import { parseSource } from "./source.ts";

/** A DNS label, so that the same name serves a Kubernetes object. */
const ModelName = z
  .string()
  .regex(
    /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
    "a model's name is a DNS label: small letters, digits and dashes, at most 63",
  );

/** What clients may call a model besides its name: Ollama and Hugging Face names with tags. */
const Alias = z
  .string()
  .regex(/^[\w][\w./-]{0,190}(:[\w.-]{1,80})?$/, "an alias is a model name such as llama3.2:1b");

const SourceUri = z.string().check(context => {
  try {
    parseSource(context.value);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    context.issues.push({
      code: "custom",
      message: `${error.message} ${error.remedy}`,
      input: context.value,
    });
  }
});

/** Sampling that a request has when it says nothing itself. */
export const SamplingDefaults = z
  .strictObject({
    temperature: z.number().min(0).max(2).describe("0 = always the likeliest token."),
    topK: z.int().min(0).max(1_000).describe("Choose among that many tokens; 0 = all."),
    topP: z
      .number()
      .gt(0)
      .max(1)
      .describe("Choose among the likeliest tokens of that probability together."),
    minP: z
      .number()
      .min(0)
      .max(1)
      .describe("Leave out tokens less likely than this share of the likeliest."),
    repeatPenalty: z.number().gt(0).max(2).describe("1 = none."),
  })
  .partial();

const replicaCount = z.int().min(0).max(1_000);

export const ModelSpec = z.strictObject({
  name: ModelName.describe("A DNS label; clients may add `:latest`."),
  source: SourceUri.describe("Where the weights come from."),
  aliases: z
    .array(Alias)
    .max(limits.aliasesMax)
    .default([])
    .describe("Other names that clients may use."),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "64 small hexadecimal digits")
    .optional()
    .describe("The digest that the file must have."),
  required: z.boolean().default(true).describe("Whether readiness waits for this model."),
  context: z
    .int()
    .min(64)
    .max(limits.contextTokensMax)
    .optional()
    .describe("Tokens of one sequence; as many as the file declares, at most 4096, when absent."),
  slots: z
    .int()
    .min(1)
    .max(limits.slotsMax)
    .default(4)
    .describe("Sequences that are decoded together."),
  system: z.string().max(65_536).optional().describe("System prompt of requests without one."),
  sampling: SamplingDefaults.default({}).describe("Sampling of requests that name none."),
  replicas: z
    .strictObject({
      min: replicaCount.default(1).describe("At least."),
      max: replicaCount.default(1).describe("At most."),
    })
    .refine(value => value.min <= value.max, "min is more than max")
    .optional()
    .describe("Pods that serve the model; only a cluster honours it."),
});
export type ModelSpec = z.infer<typeof ModelSpec>;
export type ModelSpecInput = z.input<typeof ModelSpec>;

/** Fields of a ModelSpec that one machine cannot honour; a local stack lists them as not applied. */
export const clusterOnlyFields = ["replicas"] as const satisfies (keyof ModelSpec)[];

/** Who wants a model served: the stack's configuration or a client that pulled it. */
export const ModelOwner = z.enum(["stack", "client"]);
export type ModelOwner = z.infer<typeof ModelOwner>;

/** One entry of `<home>/models.json`: `{"version": 1, "models": [entry, …]}`. */
export const ModelRecord = z.strictObject({ spec: ModelSpec, owner: ModelOwner });
export type ModelRecord = z.infer<typeof ModelRecord>;

export type ModelState =
  /** Known, nothing done yet. */
  | "pending"
  /** Its weights are being fetched or checked. */
  | "fetching"
  /** Its weights are being loaded into memory. */
  | "loading"
  | "ready"
  /** On disk, not in memory; the next request loads it. */
  | "unloaded"
  /** Cannot be served; `error` says why. */
  | "failed";

/** What the weights' header says; filled before the model is loaded. */
export interface ModelFacts {
  architecture: string;
  name: string;
  parameters: number;
  /** Such as `Q8_0`. */
  quantization: string;
  contextTrained: number;
  embeddingLength: number;
  blockCount: number;
  vocabularySize: number;
  license: string | undefined;
  chatTemplate: string | undefined;
}

/** Weights on disk, verified. */
export interface ModelFile {
  path: string;
  bytes: number;
  sha256: string;
  /** Time of the file in milliseconds since 1970. */
  modifiedMs: number;
  facts: ModelFacts;
}

export interface TransferProgress {
  completedBytes: number;
  /** Absent while the length is unknown. */
  totalBytes: number | undefined;
}

/** What is so of one served model. */
export interface ModelStatus {
  spec: ModelSpec;
  owner: ModelOwner;
  state: ModelState;
  progress: TransferProgress | undefined;
  error: { code: string; message: string; remedy: string } | undefined;
  file: ModelFile | undefined;
  /** Tokens of one sequence as loaded. */
  contextTokens: number | undefined;
  /** Bytes that the loaded model takes, as far as known. */
  memoryBytes: number | undefined;
  /** When an idle model is unloaded (ms since 1970); undefined = never. */
  expiresMs: number | undefined;
}

/** A name as clients write it, without the implied tag. */
export function withoutLatest(name: string): string {
  return name.endsWith(":latest") ? name.slice(0, -":latest".length) : name;
}

/** Whether a client that says `name` means this model; who pulled a source may call the model by it. */
export function answersTo(spec: ModelSpec, name: string): boolean {
  const wanted = withoutLatest(name).toLowerCase();
  return (
    spec.name === wanted ||
    spec.source === name ||
    spec.aliases.some(alias => withoutLatest(alias).toLowerCase() === wanted)
  );
}
