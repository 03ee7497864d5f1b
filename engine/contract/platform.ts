/** Platform: the facts of the cluster that a stack's models run on; declared by a stack, discovered and merged by the operator. */
import { z } from "zod";
import { limits } from "./limits.ts";
import { Quantity, SecretKeyRef } from "./model.ts";

const Label = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "a DNS label: small letters, digits and dashes");

/** A kind of machine for workers. Requests equal limits for memory, so that the kernel's answer is predictable. */
export const Profile = z.strictObject({
  image: z
    .string()
    .min(1)
    .max(512)
    .optional()
    .describe(
      "The engine's image with what these machines compute with; the platform's when absent.",
    ),
  cpu: Quantity.default("1").describe("Cores that a pod asks for."),
  cpuLimit: Quantity.optional().describe("Cores that it may take; no limit when absent."),
  memory: Quantity.optional().describe(
    "Memory of a pod; predicted from the weights when absent, and refused when less than predicted.",
  ),
  accelerator: z.enum(["none", "nvidia", "amd", "intel"]).default("none"),
  gpus: z.int().min(0).max(16).default(0).describe("Whole GPUs, or slices of them, a pod."),
  gpuMemory: Quantity.optional().describe("Memory of one of them."),
  resourceName: z
    .string()
    .max(317)
    .optional()
    .describe("Such as nvidia.com/mig-1g.10gb or nvidia.com/gpu.shared; the vendor's when absent."),
  nodeSelector: z.record(z.string().max(317), z.string().max(63)).default({}),
  tolerations: z
    .array(
      z.strictObject({
        key: z.string().max(317).optional(),
        operator: z.enum(["Exists", "Equal"]).optional(),
        value: z.string().max(63).optional(),
        effect: z.enum(["NoSchedule", "PreferNoSchedule", "NoExecute"]).optional(),
      }),
    )
    .max(16)
    .default([]),
  runtimeClassName: z.string().max(253).optional(),
  /** Bytes a second at which weights come to a new pod and into memory; start-up budgets follow. */
  fetchBytesPerSecond: z.int().min(1).default(20_000_000),
  loadBytesPerSecond: z.int().min(1).default(100_000_000),
});
export type Profile = z.infer<typeof Profile>;
export type ProfileInput = z.input<typeof Profile>;

export const MemoryDatabaseSpec = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("embedded").describe("SQLite on a volume of the one gateway."),
      size: Quantity.default("10Gi"),
      class: z.string().max(253).optional(),
    }),
    z.strictObject({
      kind: z.literal("postgres").describe("PostgreSQL in the cluster, one replica on a volume."),
      image: z.string().max(512),
      size: Quantity.default("20Gi"),
      class: z.string().max(253).optional(),
      password: SecretKeyRef,
    }),
    z.strictObject({
      kind: z.literal("external").describe("A PostgreSQL that is there already."),
      url: SecretKeyRef.describe("Secret with its postgres:// URL."),
      egress: z.array(z.string().max(64)).max(16).default([]).describe("Its CIDRs."),
    }),
  ])
  .prefault({ kind: "embedded" });
export type MemoryDatabaseSpec = z.infer<typeof MemoryDatabaseSpec>;

export const CacheSpec = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("none").describe("Limits count for each gateway alone.") }),
    z.strictObject({
      kind: z.literal("valkey").describe("Valkey in the cluster, nothing kept."),
      image: z.string().max(512),
    }),
    z.strictObject({
      kind: z.literal("external"),
      url: SecretKeyRef.describe("Secret with its redis:// or rediss:// URL."),
      egress: z.array(z.string().max(64)).max(16).default([]),
    }),
  ])
  .prefault({ kind: "none" });
export type CacheSpec = z.infer<typeof CacheSpec>;

export const Platform = z.strictObject({
  installation: Label.default("echorator").describe("Prefix of the objects that serve all models."),
  namespace: Label.default("echorator").describe("Where everything of ours lives."),
  context: z
    .string()
    .max(253)
    .optional()
    .describe("Of the kubeconfig; its current one when absent."),
  image: z
    .string()
    .min(1)
    .max(512)
    .default("localhost/echorator/engine:0.1.0")
    .describe("The engine's image; with a digest outside of a test cluster."),
  imagePullPolicy: z.enum(["IfNotPresent", "Always", "Never"]).default("IfNotPresent"),
  imagePullSecrets: z.array(z.string().max(253)).max(8).default([]),
  apis: z
    .array(z.string().max(253))
    .max(512)
    .default([])
    .describe("APIs of others that are there, such as monitoring.coreos.com/v1/PodMonitor."),
  profiles: z.record(Label, Profile).default({}).describe("Kinds of machines, by name."),
  defaultProfile: Label.default("cpu").describe("Of models that name none; `cpu` is always there."),
  storage: z
    .strictObject({
      node: z.string().max(253).optional().describe("StorageClass of node-local volumes."),
      shared: z.string().max(253).optional().describe("StorageClass that can ReadWriteMany."),
      own: z.string().max(253).optional().describe("StorageClass of a pod's own volume."),
      sharedSize: Quantity.default("100Gi"),
    })
    .prefault({}),
  imageVolumes: z.boolean().default(false).describe("Whether the cluster has image volumes."),
  gateway: z
    .strictObject({
      replicas: z.int().min(1).max(64).default(1),
      cpu: Quantity.default("250m"),
      memory: Quantity.default("512Mi"),
      service: z.enum(["ClusterIP", "LoadBalancer", "NodePort"]).default("ClusterIP"),
      host: z.string().max(253).optional().describe("Host name of its HTTPRoute or Ingress."),
      route: z
        .strictObject({ gateway: z.string().max(253), namespace: Label.optional() })
        .optional()
        .describe(
          "Gateway of the Gateway API that the host's HTTPRoute joins; an Ingress when absent.",
        ),
      ingressClass: z
        .string()
        .max(253)
        .optional()
        .describe("Of the Ingress; the cluster's when absent."),
      tlsSecret: z.string().max(253).optional().describe("Secret with the Ingress' certificate."),
      holdSeconds: z
        .int()
        .min(1)
        .max(limits.holdMsMax / 1000)
        .default(300)
        .describe("How long a request waits for a model that has no replica."),
      drainSeconds: z.int().min(0).max(3_600).default(5),
    })
    .prefault({}),
  database: MemoryDatabaseSpec,
  cache: CacheSpec,
  requestSeconds: z
    .int()
    .min(1)
    .max(3_600)
    .default(600)
    .describe("The longest request: a pod that goes has that long to end its replies."),
  networkPolicies: z.boolean().default(true),
  monitoringNamespace: Label.default("monitoring").describe(
    "Where the Prometheus runs that may read metrics.",
  ),
  apiCidrs: z
    .array(z.string().max(64))
    .max(64)
    .default(["0.0.0.0/0", "::/0"])
    .describe(
      "Addresses of the Kubernetes API, which gateways and the operator reach on 443 and 6443.",
    ),
  clientCidrs: z
    .array(z.string().max(64))
    .max(64)
    .default(["0.0.0.0/0", "::/0"])
    .describe("Who may reach the gateway."),
  sourceCidrs: z
    .array(z.string().max(64))
    .max(64)
    .default(["0.0.0.0/0"])
    .describe("From where workers may fetch weights; cluster and metadata addresses are left out."),
});
export type Platform = z.infer<typeof Platform>;
export type PlatformInput = z.input<typeof Platform>;

/** The profile that is there without being declared. */
export const cpuProfile: Profile = Profile.parse({});

/** What a GGUF header says that sizes follow from; read during preview, cached by digest. */
export interface ModelShape {
  /** Of the file. */
  bytes: number;
  /** Of all tensors. */
  tensorBytes: number;
  parameters: number;
  architecture: string;
  quantization: string;
  contextTrained: number;
  blockCount: number;
  embeddingLength: number;
  feedForwardLength: number;
  /** Heads of keys and values a block; a number for each block. */
  headsKv: readonly number[];
  keyLength: number;
  valueLength: number;
  vocabularySize: number;
}

/** What is foretold of one pod of a model before anything is created. */
export interface Prediction {
  weightsBytes: number;
  cacheBytes: number;
  computeBytes: number;
  /** Of the engine's own process. */
  overheadBytes: number;
  /** All of it: what the pod needs. */
  memoryBytes: number;
  contextTokens: number;
  slots: number;
  volumeBytes: number;
  fetchSeconds: number;
  loadSeconds: number;
  /** From the pod's start until it answers, twice over: probes and awaits follow from it. */
  startupBudgetSeconds: number;
}
