/** ModelSpec: what is wanted of one model, the same data in a stack file, a ConfigMap, a custom resource and the Admin API. */
import { z } from "zod";
import { EngineError } from "./errors.ts";
import { limits } from "./limits.ts";
import { MemoryMode } from "./memory.ts";
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

const SourceUri = z
  .string()
  .max(4_096)
  .check(context => {
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

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, "64 small hexadecimal digits");

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

const replicaCount = z.int().min(0).max(limits.replicasMax);
const share = z.number().min(0).max(1);
const duration = z.int().min(0).max(86_400);

/** `250m`, `2`, `1.5` cores · `512Mi`, `20Gi`, `1e9` bytes, as Kubernetes writes quantities. */
export const Quantity = z
  .string()
  .regex(/^\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$/, "a quantity such as 500m, 2, 512Mi or 20Gi");

export const KvType = z.enum(["f32", "f16", "q8_0", "q5_0", "q4_0"]);
export type KvType = z.infer<typeof KvType>;

export const Scaling = z.strictObject({
  queueSeconds: z
    .number()
    .gt(0)
    .max(600)
    .optional()
    .describe("More replicas when requests wait longer than that."),
  tokensWaiting: z
    .int()
    .min(1)
    .max(100_000_000)
    .optional()
    .describe(
      "More replicas when one replica's admitted requests still want more tokens than that.",
    ),
  firstTokenSeconds: z
    .number()
    .gt(0)
    .max(600)
    .optional()
    .describe("More replicas when the 95th percentile of the time to the first token is longer."),
  idleSeconds: duration
    .default(300)
    .describe("How long without a request until a model with `min: 0` has no replica."),
  downSeconds: duration.default(60).describe("How long less must do before a replica goes."),
  windows: z
    .array(
      z.strictObject({
        days: z
          .array(z.enum(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]))
          .min(1)
          .max(7)
          .default(["mon", "tue", "wed", "thu", "fri"]),
        from: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "a time such as 08:00"),
        to: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "a time such as 18:30"),
        zone: z.string().max(64).default("UTC").describe("An IANA time zone."),
        min: replicaCount.describe("At least that many replicas in the window."),
      }),
    )
    .max(limits.scheduleWindowsMax)
    .default([])
    .describe("Times of the week with replicas ready beforehand."),
  by: z
    .enum(["echorator", "hpa", "keda"])
    .default("echorator")
    .describe("Who scales between 1 and max; from and to zero always the gateway does."),
});
export type Scaling = z.infer<typeof Scaling>;

export const ModelStorageSpec = z.strictObject({
  tier: z
    .enum(["ephemeral", "node", "shared", "own", "image"])
    .default("ephemeral")
    .describe(
      "`ephemeral`: fetched by every pod. `node`: a cache on each node. `shared`: one volume for all models (ReadWriteMany). `own`: a volume a replica. `image`: an image volume.",
    ),
  size: Quantity.optional().describe("Of the volume; from the weights when absent."),
  class: z.string().max(253).optional().describe("StorageClass; the platform's when absent."),
  image: z.string().max(512).optional().describe("For `image`: its reference, with a digest."),
});
export type ModelStorageSpec = z.infer<typeof ModelStorageSpec>;

export const CanarySpec = z.strictObject({
  source: SourceUri.describe("The weights that are tried."),
  sha256: Sha256.optional().describe("The digest that the file must have."),
  weight: z.int().min(0).max(100).describe("Of 100 requests, how many it answers."),
  maxErrorShare: share
    .default(0.02)
    .describe(
      "Taken back when more of its requests fail than that, and more than of the stable ones.",
    ),
  maxFirstTokenRatio: z
    .number()
    .gt(1)
    .max(100)
    .default(2)
    .describe(
      "Taken back when its median time to the first token is that many times the stable one's.",
    ),
  minRequests: z
    .int()
    .min(1)
    .max(100_000)
    .default(20)
    .describe("Requests before anything is concluded."),
});
export type CanarySpec = z.infer<typeof CanarySpec>;

const StringMap = z.record(z.string().max(317), z.string().max(4_096));

/** What of a pod may be overridden; the rest would undo a promise. */
export const PodOverrides = z.strictObject({
  labels: StringMap.optional(),
  annotations: StringMap.optional(),
  nodeSelector: StringMap.optional(),
  tolerations: z
    .array(
      z.strictObject({
        key: z.string().max(317).optional(),
        operator: z.enum(["Exists", "Equal"]).optional(),
        value: z.string().max(63).optional(),
        effect: z.enum(["NoSchedule", "PreferNoSchedule", "NoExecute"]).optional(),
        tolerationSeconds: z.int().min(0).optional(),
      }),
    )
    .max(16)
    .optional(),
  runtimeClassName: z.string().max(253).optional(),
  schedulerName: z.string().max(253).optional(),
  imagePullSecrets: z.array(z.string().max(253)).max(8).optional(),
  env: StringMap.optional().describe("Environment of the engine; never secrets."),
});
export type PodOverrides = z.infer<typeof PodOverrides>;

export const SecretKeyRef = z.strictObject({
  name: z.string().min(1).max(253).describe("Secret in the model's namespace."),
  key: z
    .string()
    .max(253)
    // Keys are file names where a Secret is mounted: nothing that leads out of that folder.
    .regex(/^\.?[-_a-zA-Z0-9][-._a-zA-Z0-9]*$/, "a key of a Secret: letters, digits, dashes, dots")
    .default("token"),
});
export type SecretKeyRef = z.infer<typeof SecretKeyRef>;

const ModelFields = z.strictObject({
  name: ModelName.describe("A DNS label; clients may add `:latest`."),
  source: SourceUri.describe("Where the weights come from, or an endpoint that has them already."),
  sourceSecret: SecretKeyRef.optional().describe("Token for the source."),
  aliases: z
    .array(Alias)
    .max(limits.aliasesMax)
    .default([])
    .describe("Other names that clients may use."),
  sha256: Sha256.optional().describe("The digest that the file must have."),
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
  kv: z
    .strictObject({ keys: KvType.default("f16"), values: KvType.default("f16") })
    .optional()
    .describe("Types of the cached keys and values; smaller ones save memory."),
  system: z.string().max(65_536).optional().describe("System prompt of requests without one."),
  sampling: SamplingDefaults.default({}).describe("Sampling of requests that name none."),
  adapters: z
    .array(
      z.strictObject({
        name: ModelName,
        source: SourceUri,
        sha256: Sha256.optional(),
        scale: z.number().min(0).max(4).default(1),
      }),
    )
    .max(limits.adaptersMax)
    .optional()
    .describe(
      "LoRA adapters for the weights, in this order; refused by this version, which cannot apply them yet.",
    ),
  memory: z
    .strictObject({
      main: MemoryMode,
      compatible: MemoryMode,
      recallTokens: z.int().min(0).max(32_768),
    })
    .partial()
    .optional()
    .describe("What is remembered of turns with this model, where it differs from the rest."),
  keys: z
    .array(z.string().min(1).max(128))
    .max(limits.keysMax)
    .optional()
    .describe("Names of the keys that may use it; all when absent."),
  replicas: z
    .strictObject({
      min: replicaCount.default(1).describe("At least; 0 lets an idle model have none."),
      max: replicaCount.default(1).describe("At most."),
    })
    .refine(value => value.min <= value.max, "min is more than max")
    .optional()
    .describe("Pods that serve the model; only a cluster honours it."),
  scaling: Scaling.optional().describe("When there are more or fewer replicas."),
  profile: ModelName.optional().describe(
    "Kind of machine, by its name in the platform's profiles.",
  ),
  storage: ModelStorageSpec.optional().describe("Where its pods keep the weights."),
  spread: z
    .enum(["none", "node", "zone"])
    .optional()
    .describe("Over what replicas are spread; `node` when absent."),
  maxUnavailable: z
    .int()
    .min(1)
    .max(limits.replicasMax)
    .optional()
    .describe("Replicas that may be away at once by intent (evictions, rolls); 1 when absent."),
  priority: z.string().max(253).optional().describe("PriorityClass of its pods."),
  canary: CanarySpec.optional().describe("Other weights for some of the requests."),
  vertical: z
    .strictObject({ min: Quantity, max: Quantity })
    .optional()
    .describe(
      "Cores between which a pod would be resized in place; refused, because nobody does so yet.",
    ),
  pod: PodOverrides.optional().describe("What is said to its pods besides."),
});

export const ModelSpec = ModelFields.superRefine(refuseContradictions);
export type ModelSpec = z.infer<typeof ModelSpec>;
export type ModelSpecInput = z.input<typeof ModelSpec>;

/** What no field can be blamed for alone; the custom resource's schema says the same in CEL. */
function refuseContradictions(
  { source, sha256, canary, replicas, scaling, storage }: z.infer<typeof ModelFields>,
  context: z.RefinementCtx,
): void {
  const refuse = (message: string, ...path: (string | number)[]) =>
    context.addIssue({ code: "custom", message, path });
  if (canary?.source === source && canary.sha256 === sha256)
    refuse("the canary has the same weights as the model", "canary", "source");
  for (const [index, window] of (scaling?.windows ?? []).entries())
    if (window.min > (replicas?.max ?? 1))
      refuse("min is more than `replicas.max`", "scaling", "windows", index, "min");
  if (storage?.tier === "image" && storage.image === undefined)
    refuse("the tier `image` needs an image", "storage", "image");
  if (storage !== undefined && storage.tier !== "image" && storage.image !== undefined)
    refuse("only the tier `image` has an image", "storage", "image");
}

/** Fields of a ModelSpec that one machine cannot honour; a local stack lists them as not applied. */
export const clusterOnlyFields = [
  "replicas",
  "scaling",
  "profile",
  "storage",
  "spread",
  "maxUnavailable",
  "priority",
  "canary",
  "vertical",
  "pod",
  "sourceSecret",
] as const satisfies (keyof ModelSpec)[];

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
  /** LoRA adapters that fit these weights, in the order in which they are applied. */
  adapters?: readonly AdapterFile[];
}

/** An adapter on disk, verified. */
export interface AdapterFile {
  name: string;
  path: string;
  bytes: number;
  sha256: string;
  scale: number;
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
  /** How long loading it took. */
  loadMs?: number | undefined;
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
