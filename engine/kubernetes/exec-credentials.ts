/** Credentials that a program hands out (client.authentication.k8s.io), asked again when they end or are refused. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { EngineError } from "../contract/errors.ts";
import type { Credentials, Environment } from "./connection.ts";
import type { ExecEntry } from "./kubeconfig.ts";

const run = promisify(execFile);

const answerMsMax = 60_000;
const answerBytesMax = 1024 * 1024;
/** Credentials are renewed that long before they end. */
const marginMs = 10_000;

interface ExecCredential {
  status?: {
    token?: string;
    clientCertificateData?: string;
    clientKeyData?: string;
    expirationTimestamp?: string;
  };
}

export interface ExecCredentials {
  get(isRefused: boolean): Promise<Credentials>;
}

export function createExecCredentials(
  options: ExecEntry & { environment: Environment; folder: (path: string) => string },
): ExecCredentials {
  let held: { credentials: Credentials; endsMs: number } | undefined;
  let asking: Promise<Credentials> | undefined;

  const ask = async (): Promise<Credentials> => {
    const { status = {} } = await askPlugin(options);
    const { token, clientCertificateData, clientKeyData, expirationTimestamp } = status;
    if (token === undefined && clientCertificateData === undefined)
      throw failed(options, "it gave neither a token nor a certificate");
    const credentials: Credentials = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(clientCertificateData === undefined ? {} : { certificate: clientCertificateData }),
      ...(clientKeyData === undefined ? {} : { key: clientKeyData }),
    };
    const endsMs =
      expirationTimestamp === undefined
        ? Number.POSITIVE_INFINITY
        : Date.parse(expirationTimestamp);
    held = { credentials, endsMs };
    return credentials;
  };

  return {
    get(isRefused) {
      const isCurrent = held !== undefined && held.endsMs - marginMs > Date.now();
      if (held !== undefined && isCurrent && !isRefused) return Promise.resolve(held.credentials);
      asking ??= ask().finally(() => {
        asking = undefined;
      });
      return asking;
    },
  };
}

async function askPlugin(
  options: ExecEntry & { environment: Environment; folder: (path: string) => string },
): Promise<ExecCredential> {
  const { command, args, env, apiVersion, environment } = options;
  const request = { apiVersion, kind: "ExecCredential", spec: { interactive: false } };
  const path = command.includes("/") ? options.folder(command) : command;
  try {
    const { stdout } = await run(path, args ?? [], {
      timeout: answerMsMax,
      maxBuffer: answerBytesMax,
      env: {
        ...environment,
        ...Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])),
        KUBERNETES_EXEC_INFO: JSON.stringify(request),
      },
    });
    return JSON.parse(stdout) as ExecCredential;
  } catch (error) {
    const detail = (error as { stderr?: string }).stderr?.trim().slice(-500);
    throw failed(options, detail || (error instanceof Error ? error.message : String(error)));
  }
}

function failed({ command, installHint }: ExecEntry, why: string): EngineError {
  return new EngineError(
    "kubernetes_unreachable",
    `The credential plugin ${command} failed: ${why}.`,
    {
      remedy: installHint ?? "Run the command of the kubeconfig's `exec` by hand and correct it.",
    },
  );
}
