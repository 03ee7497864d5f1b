/** Ports, paths and headers of the engine: probes, providers, clients and pages derive theirs from here. */

export const defaultPorts = { main: 5000, ollama: 11_434 } as const;

export const paths = {
  /** The process makes progress, whatever the models do. */
  live: "/health",
  /** A worker's or gateway's readiness for its Service: configuration and stores, and for a worker its models. */
  serving: "/health/serving",
  /** Configuration read, stores open. */
  started: "/api/health",
  /** Every required model of the start-up configuration can answer. */
  ready: "/models/health",
  /** Cognition: ok, degraded or failed, with the reason. */
  cognition: "/dte/health",
  metrics: "/metrics",
  openapi: "/openapi.json",
  models: "/api/v1/models",
  conversations: "/api/v1/conversations",
  adminModels: "/api/v1/admin/models",
  adminConfig: "/api/v1/admin/config",
  adminKeys: "/api/v1/admin/keys",
} as const;

export const headers = {
  requestId: "x-request-id",
  /** off | read | write | on */
  memory: "x-echo-memory",
  /** The conversation that a compatible request belongs to. */
  conversation: "x-echo-conversation",
  /** The end user inside the tenant. */
  subject: "x-echo-subject",
  /** Of a request, with any value: the reply says by the same name which worker answers and why it was chosen. */
  route: "x-echo-route",
  /** Reply: how many memories went into the prompt. */
  memoryUsed: "x-echo-memory-used",
} as const;

/** Where things are below the home folder (`ECHORATOR_HOME`, default `~/.echorator`). */
export const homeLayout = {
  /** Generated admin key, mode 0600. */
  adminKey: "admin.key",
  /** What should be served besides the configuration, and who asked for it. */
  models: "models.json",
  weights: "weights",
  memory: "memory",
  logs: "logs",
  run: "run",
  /** Headers of models that plans were made from. */
  facts: "facts",
  /** Written by the stack's components, read by the engine at its start. */
  engineConfig: "engine.yaml",
  /** Pulumi's file backend and its passphrase (0600). */
  pulumi: "pulumi",
  passphrase: "passphrase",
} as const;
