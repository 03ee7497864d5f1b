/** EngineConfig: all that one engine can be told; the stack's configuration is the same schema plus where it runs. */
import { z } from "zod";
import { defaultPorts } from "./endpoints.ts";
import { EngineError } from "./errors.ts";
import { limits } from "./limits.ts";
import { MemoryMode } from "./memory.ts";
import { ModelSpec } from "./model.ts";
import { Platform } from "./platform.ts";

const Port = z.int().min(1).max(65_535);

export const scopes = ["use", "admin"] as const;
export type Scope = (typeof scopes)[number];

/** What gateways read of one model: in the ConfigMap of the model, as JSON. */
export interface RouteConfig {
  spec: ModelSpec;
  /** Service whose EndpointSlices are the stable workers; absent for a server of others. */
  service: string | undefined;
  /** Service of the canary's workers. */
  canaryService: string | undefined;
  /** Deployment or StatefulSet that the scaler sets replicas of. */
  workload: { kind: "Deployment" | "StatefulSet"; name: string } | undefined;
  port: number;
  startupBudgetSeconds: number;
}

/** Names of tenants become file names and labels, so they are DNS labels as well. */
export const TenantName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "a tenant is a DNS label");

const quota = z.int().min(1).max(limits.quotaMax);

export const KeyLimits = z
  .strictObject({
    requestsPerMinute: quota.describe("Turns and embeddings."),
    tokensPerMinute: quota.describe("Of prompts and completions together."),
    tokensPerDay: quota.describe("The same over a day that begins with the first request."),
  })
  .partial();
export type KeyLimits = z.infer<typeof KeyLimits>;

export const KeySpec = z.strictObject({
  name: z.string().min(1).max(128).describe("What logs call the key."),
  tenant: TenantName.default("default").describe("Whose memory it opens."),
  scopes: z
    .array(z.enum(scopes))
    .min(1)
    .default(["use"])
    .describe("`use`: every API but admin. `admin`: the Admin API as well."),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "64 small hexadecimal digits: `printf %s KEY | sha256sum`")
    .describe("SHA-256 of the key; the key itself is nowhere kept."),
  subject: z
    .string()
    .min(1)
    .max(limits.subjectCharactersMax)
    .optional()
    .describe("Fixes the subject of every request with this key."),
  limits: KeyLimits.optional().describe("What keys of this name may use; no limit when absent."),
});
export type KeySpec = z.infer<typeof KeySpec>;

/** What runs in the process: everything, or one part of it on a cluster. */
export const roles = ["all", "gateway", "worker", "operator"] as const;
export type Role = (typeof roles)[number];

export const GatewayConfig = z.strictObject({
  namespace: z
    .string()
    .max(63)
    .optional()
    .describe("Namespace whose models are found through the Kubernetes API."),
  installation: z.string().max(63).default("echorator").describe("As in the platform."),
  workers: z
    .record(z.string(), z.array(z.url({ protocol: /^https?$/ })).max(limits.replicasMax))
    .default({})
    .describe("Without Kubernetes: model → base URLs of its workers."),
  holdSeconds: z
    .int()
    .min(1)
    .max(limits.holdMsMax / 1000)
    .default(300)
    .describe("How long a request waits for a model that has no replica."),
  scaler: z.boolean().default(true).describe("Whether this gateway may be the one that scales."),
});
export type GatewayConfig = z.infer<typeof GatewayConfig>;

export const EngineConfig = z
  .strictObject({
    role: z.enum(roles).default("all").describe("What runs in this process."),
    gateway: GatewayConfig.prefault({}).describe("How a gateway finds its workers."),
    platform: Platform.optional().describe("What the operator knows of its cluster."),
    graceSeconds: z
      .int()
      .min(0)
      .max(3_600)
      .default(limits.graceMs / 1_000)
      .describe("How long a stopping engine lets running replies finish."),
    host: z.string().min(1).max(255).default("127.0.0.1").describe("Address to listen on."),
    ports: z
      .strictObject({
        main: Port.default(defaultPorts.main).describe("Main API, health, metrics, every dialect."),
        ollama: Port.default(defaultPorts.ollama).describe("Ollama and OpenAI dialects."),
      })
      .prefault({})
      .refine(ports => ports.main !== ports.ollama, "main and ollama need two different ports"),
    auth: z
      .enum(["keys", "none"])
      .default("keys")
      .describe("`none` allows a public bind without keys; say so only on a network you trust."),
    keys: z.array(KeySpec).max(limits.keysMax).default([]).describe("Who may use the engine."),
    models: z
      .array(ModelSpec)
      .max(limits.modelsMax)
      .default([])
      .describe("Models that are served."),
    memory: z
      .strictObject({
        main: MemoryMode.default("on").describe("Memory of the main API's turns."),
        compatible: MemoryMode.default("off").describe(
          "Memory of the Ollama and OpenAI dialects when a request has no X-Echo-Memory header.",
        ),
        recallTokens: z
          .int()
          .min(0)
          .max(32_768)
          .default(limits.recallTokensDefault)
          .describe("Tokens that recalled memories may take in a prompt."),
      })
      .prefault({})
      .describe("What is remembered, and when."),
    stores: z
      .strictObject({
        kind: z.enum(["sqlite", "postgres"]).default("sqlite"),
        urlFile: z.string().max(4_096).optional().describe("File with the postgres:// URL."),
        cacheUrlFile: z
          .string()
          .max(4_096)
          .optional()
          .describe("File with the URL of the Valkey that gateways share."),
      })
      .prefault({})
      .describe("Where memory and shared counters are kept."),
    inference: z
      .strictObject({
        threads: z
          .int()
          .min(1)
          .max(512)
          .optional()
          .describe("Cores to use; as many as this process may use when absent."),
        queueLength: z
          .int()
          .min(0)
          .max(limits.queueLengthMax)
          .default(64)
          .describe("Requests of one model that may wait for a slot; the next gets 503."),
        requestSeconds: z
          .int()
          .min(1)
          .max(3_600)
          .default(600)
          .describe("How long one request may take, waiting included."),
      })
      .prefault({})
      .describe("How the cores are used."),
    log: z
      .strictObject({
        level: z
          .enum(["debug", "info", "warn", "error"])
          .default("info")
          .describe("The least that is logged."),
        format: z
          .enum(["auto", "json", "pretty"])
          .default("auto")
          .describe("`auto` is pretty on a terminal and JSON elsewhere."),
      })
      .prefault({})
      .describe("What the engine says of itself."),
  })
  .superRefine(refuseDoubleNames)
  .superRefine(refuseOpenDoor);
export type EngineConfig = z.infer<typeof EngineConfig>;

/** What a deployment says to its own engines; no field of a stack's configuration. */
export const deploymentFields = [
  "role",
  "gateway",
  "graceSeconds",
  "platform",
  "stores",
] as const satisfies (keyof EngineConfig)[];

/** What a stack says of an engine, beside where it listens and its models. */
export type EngineSettings = Omit<
  EngineConfig,
  "host" | "ports" | "models" | (typeof deploymentFields)[number]
>;

export function toSettings({
  host: _,
  ports: __,
  models: ___,
  ...rest
}: EngineConfig): EngineSettings {
  const deployed: readonly string[] = deploymentFields;
  const kept = Object.entries(rest).filter(([field]) => !deployed.includes(field));
  return Object.fromEntries(kept) as EngineSettings;
}
export type EngineConfigInput = z.input<typeof EngineConfig>;

function refuseDoubleNames(config: { models: ModelSpec[] }, context: z.RefinementCtx): void {
  const owners = new Map<string, string>();
  for (const [index, model] of config.models.entries()) {
    for (const name of [model.name, ...model.aliases]) {
      const owner = owners.get(name);
      owners.set(name, model.name);
      if (owner === undefined) continue;
      const message = `the name "${name}" is used twice`;
      context.addIssue({ code: "custom", message, path: ["models", index] });
    }
  }
}

/**
 * Workers and operators hold no memory and answer other parts of the installation, not people:
 * a NetworkPolicy and the worker's key keep others out, so that they may listen without `keys`.
 */
function refuseOpenDoor(
  config: { role: Role; host: string; auth: string; keys: unknown[] },
  context: z.RefinementCtx,
): void {
  if (config.role === "worker" || config.role === "operator") return;
  if (isLoopback(config.host) || config.keys.length > 0 || config.auth === "none") return;
  const message =
    `"${config.host}" is open to the network and there are no keys; ` +
    "add `keys`, or write `auth: none` if everyone who reaches it may use it";
  context.addIssue({ code: "custom", message, path: ["host"] });
}

/** Whether only this machine can reach `host`. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Every setting by its path, such as `host`, `ports.main` or `models`: what environment and command line may name. */
export function settingPaths(): string[] {
  const { properties = {} } = z.toJSONSchema(EngineConfig, { io: "input", unrepresentable: "any" });
  return Object.entries(properties).flatMap(([section, schema]) => {
    const inner = typeof schema === "object" ? schema.properties : undefined;
    return inner === undefined ? [section] : Object.keys(inner).map(key => `${section}.${key}`);
  });
}

export interface FieldProblem {
  /** Such as `models[0].slots`. */
  field: string;
  message: string;
}

/** The problems of a value that a schema refused, one a field, in the schema's order. */
export function toFieldProblems(error: z.ZodError): FieldProblem[] {
  return error.issues.map(issue => {
    const unknown = issue.code === "unrecognized_keys" ? issue.keys.join(", ") : undefined;
    const field = toFieldPath(issue.path);
    return {
      field: unknown === undefined ? field : [field, unknown].filter(Boolean).join("."),
      message: unknown === undefined ? issue.message : "there is no such field",
    };
  });
}

/** `["models", 0, "slots"]` as a reader writes it: `models[0].slots`. */
export function toFieldPath(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) =>
      typeof part === "number" ? `[${part}]` : `${index === 0 ? "" : "."}${String(part)}`,
    )
    .join("");
}

/**
 * Parses a configuration that came from `origin` (a file's path, "environment" …).
 * @throws EngineError invalid_config that lists every wrong field.
 */
export function parseEngineConfig(value: unknown, origin: string): EngineConfig {
  const result = EngineConfig.safeParse(value);
  if (result.success) return result.data;
  const problems = toFieldProblems(result.error);
  throw new EngineError(
    "invalid_config",
    `${origin} is not a valid configuration: ${problems
      .map(problem => `${problem.field}: ${problem.message}`)
      .join("; ")}.`,
    { field: problems[0]?.field ?? "" },
  );
}
