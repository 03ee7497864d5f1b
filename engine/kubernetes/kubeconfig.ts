/** Reads one context of a kubeconfig. */
import { isAbsolute, join } from "node:path";
import { parse } from "yaml";
import { EngineError } from "../contract/errors.ts";

export interface ClusterEntry {
  server: string;
  "certificate-authority"?: string;
  "certificate-authority-data"?: string;
  "insecure-skip-tls-verify"?: boolean;
  "tls-server-name"?: string;
}

export interface ExecEntry {
  apiVersion: string;
  command: string;
  args?: string[] | null;
  env?: { name: string; value: string }[] | null;
  installHint?: string;
}

export interface UserEntry {
  "client-certificate"?: string;
  "client-certificate-data"?: string;
  "client-key"?: string;
  "client-key-data"?: string;
  token?: string;
  tokenFile?: string;
  username?: string;
  password?: string;
  exec?: ExecEntry;
}

interface ContextEntry {
  cluster?: string;
  user?: string;
  namespace?: string;
}

interface Kubeconfig {
  "current-context"?: string;
  contexts?: { name: string; context?: ContextEntry }[];
  clusters?: { name: string; cluster?: ClusterEntry }[];
  users?: { name: string; user?: UserEntry }[];
}

export interface KubeconfigContext {
  cluster: ClusterEntry;
  user: UserEntry;
  namespace: string;
  /** The path as the file means it. */
  folder(path: string): string;
}

/** @throws EngineError invalid_config */
export function readContext(options: {
  text: string;
  context?: string;
  folder?: string;
}): KubeconfigContext {
  const config = parseConfig(options.text);
  const names = (config.contexts ?? []).map(({ name }) => name);
  const name = options.context ?? config["current-context"];
  if (name === undefined || name === "")
    throw wrong("The kubeconfig has no current context", "context", namesIn(names));
  const context = config.contexts?.find(entry => entry.name === name)?.context;
  if (context === undefined)
    throw wrong(`The kubeconfig has no context "${name}"`, "context", namesIn(names));
  const cluster = config.clusters?.find(entry => entry.name === context.cluster)?.cluster;
  if (!URL.canParse(cluster?.server ?? ""))
    throw wrong(`The context "${name}" has no cluster with a server`, "clusters");
  const user = config.users?.find(entry => entry.name === context.user)?.user ?? {};
  if ((user as { "auth-provider"?: unknown })["auth-provider"] !== undefined)
    throw wrong(`The user of "${name}" has an auth-provider, which Kubernetes gave up`, "users");
  return {
    cluster: cluster!,
    user,
    namespace: context.namespace ?? "default",
    folder: path =>
      isAbsolute(path) || options.folder === undefined ? path : join(options.folder, path),
  };
}

function parseConfig(text: string): Kubeconfig {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    const why = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    throw wrong(`The kubeconfig is no YAML: ${why}`, "kubeconfig");
  }
  if (typeof value === "object" && value !== null) return value as Kubeconfig;
  throw wrong("The kubeconfig is empty", "kubeconfig");
}

function namesIn(names: readonly string[]): string {
  return names.length === 0 ? "It has none." : `Name one of: ${names.join(", ")}.`;
}

function wrong(message: string, field: string, remedy = "Correct the kubeconfig."): EngineError {
  return new EngineError("invalid_config", `${message}.`, { field, remedy });
}
