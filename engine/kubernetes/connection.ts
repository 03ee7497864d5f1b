/** Connection: where a cluster is and as whom it is spoken to; from a kubeconfig, or from inside a pod. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { EngineError } from "../contract/errors.ts";
import { createExecCredentials } from "./exec-credentials.ts";
import { readContext, type UserEntry } from "./kubeconfig.ts";

export interface Credentials {
  /** The header of that name. */
  authorization?: string;
  /** PEM. */
  certificate?: string;
  key?: string;
}

export interface Connection {
  /** Base URL without a slash at its end. */
  readonly server: string;
  readonly defaultNamespace: string;
  /** PEM of the authorities that may vouch for the server; the system's when undefined. */
  readonly authorities: string | undefined;
  /** Host name that the server's certificate has, where it is not the URL's. */
  readonly serverName: string | undefined;
  /** Whether whoever answers is believed. */
  readonly insecure: boolean;
  /** Credentials of the next request; `isRefused` when the last ones were. */
  credentials(isRefused: boolean): Promise<Credentials>;
}

/** The variables of the process, as main files read them. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface KubeconfigOptions {
  text: string;
  /** Of the file; the current one when absent. */
  context?: string;
  /** What credential plugins see. */
  environment: Environment;
  /** Of the file: relative paths in it start there. */
  folder?: string;
  /** Allows `insecure-skip-tls-verify`. */
  allowInsecure?: boolean;
}

/** @throws EngineError invalid_config that names what of the file is wrong */
export function connectionFromKubeconfig(options: KubeconfigOptions): Connection {
  const { cluster, user, namespace, folder } = readContext(options);
  const insecure = cluster["insecure-skip-tls-verify"] === true;
  if (insecure && options.allowInsecure !== true)
    throw new EngineError(
      "invalid_config",
      `The kubeconfig wants ${cluster.server} believed without a certificate.`,
      {
        field: "clusters.insecure-skip-tls-verify",
        remedy: "Put the cluster's `certificate-authority-data` into the kubeconfig instead.",
      },
    );
  const read = (data: string | undefined, path: string | undefined, field: string) =>
    data === undefined ? path && readNamed(folder(path), field) : decode(data);
  const { protocol } = new URL(cluster.server);
  const credentials = createCredentials(user, options.environment, folder);
  return {
    server: cluster.server.replace(/\/+$/, ""),
    defaultNamespace: namespace,
    authorities:
      protocol === "http:" || insecure
        ? undefined
        : read(
            cluster["certificate-authority-data"],
            cluster["certificate-authority"],
            "certificate-authority",
          ),
    serverName: cluster["tls-server-name"],
    insecure,
    credentials,
  };
}

function createCredentials(
  user: UserEntry,
  environment: Environment,
  folder: (path: string) => string,
): Connection["credentials"] {
  if (user.exec !== undefined) {
    const plugin = createExecCredentials({ ...user.exec, environment, folder });
    return isRefused => plugin.get(isRefused);
  }
  const pair = readPair(user, folder);
  // Files of tokens are renewed by others, so they are read again for every request.
  return async () => {
    const { tokenFile, token, username, password } = user;
    const bearer = tokenFile === undefined ? token : readNamed(folder(tokenFile), "tokenFile");
    if (bearer !== undefined) return { ...pair, authorization: `Bearer ${bearer.trim()}` };
    if (username === undefined) return pair;
    const basic = Buffer.from(`${username}:${password ?? ""}`).toString("base64");
    return { ...pair, authorization: `Basic ${basic}` };
  };
}

function readPair(user: UserEntry, folder: (path: string) => string): Credentials {
  const certificate = user["client-certificate-data"];
  const key = user["client-key-data"];
  const certificateFile = user["client-certificate"];
  const keyFile = user["client-key"];
  return {
    ...(certificate === undefined ? {} : { certificate: decode(certificate) }),
    ...(certificate === undefined && certificateFile !== undefined
      ? { certificate: readNamed(folder(certificateFile), "client-certificate") }
      : {}),
    ...(key === undefined ? {} : { key: decode(key) }),
    ...(key === undefined && keyFile !== undefined
      ? { key: readNamed(folder(keyFile), "client-key") }
      : {}),
  };
}

function decode(data: string): string {
  return Buffer.from(data, "base64").toString("utf8");
}

function readNamed(path: string, field: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new EngineError(
      "invalid_config",
      `${field} names ${path}, which cannot be read: ${why}.`,
      {
        field,
        remedy: "Correct the kubeconfig.",
      },
    );
  }
}

/** Where Kubernetes puts a pod's own token and authority. */
export const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/** As the pod's ServiceAccount; undefined where this is no pod, or one without a token. */
export function connectionInCluster(
  options: { environment?: Environment; folder?: string } = {},
): Connection | undefined {
  const { environment = {}, folder = serviceAccountFolder } = options;
  const tokenFile = join(folder, "token");
  if (!existsSync(tokenFile)) return undefined;
  const host = environment.KUBERNETES_SERVICE_HOST ?? "kubernetes.default.svc";
  const port = environment.KUBERNETES_SERVICE_PORT ?? "443";
  const read = (name: string) => readNamed(join(folder, name), name);
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    defaultNamespace: existsSync(join(folder, "namespace")) ? read("namespace").trim() : "default",
    authorities: read("ca.crt"),
    serverName: undefined,
    insecure: false,
    // The kubelet renews the token long before it ends.
    credentials: async () => ({ authorization: `Bearer ${read("token").trim()}` }),
  };
}
