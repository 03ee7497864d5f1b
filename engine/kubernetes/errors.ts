/** Failures of the Kubernetes API as errors that their reader can act on. */
import { EngineError, type ErrorDetails } from "../contract/errors.ts";

/** What an API server says when it refuses: its Status object. */
interface StatusReply {
  message?: string;
  reason?: string;
  details?: {
    causes?: { field?: string; message?: string }[];
    retryAfterSeconds?: number;
  };
}

export class KubernetesError extends EngineError {
  /** HTTP status; undefined when there was no reply. */
  readonly apiStatus: number | undefined;
  /** The API's own word: NotFound, Conflict, Forbidden, Invalid, AlreadyExists, Expired … */
  readonly apiReason: string | undefined;
  /** Every field that the API named. */
  readonly apiFields: readonly string[];

  constructor(
    code: "kubernetes_failed" | "kubernetes_unreachable",
    message: string,
    api: { status?: number; reason?: string | undefined; fields?: readonly string[] },
    details: ErrorDetails = {},
  ) {
    super(code, message, details);
    this.apiStatus = api.status;
    this.apiReason = api.reason;
    this.apiFields = api.fields ?? [];
  }
}

/** Longer sentences are cut: those of a large object hold all of it. */
const sentenceCharactersMax = 2_000;

export function toApiError(what: string, status: number, body: string): KubernetesError {
  const reply = parseStatus(body);
  const said = reply.message ?? (body.trim().slice(0, 200) || "no reason given");
  const fields = (reply.details?.causes ?? []).flatMap(cause => cause.field ?? []);
  const retryAfterSeconds = reply.details?.retryAfterSeconds;
  return new KubernetesError(
    "kubernetes_failed",
    `${what}: ${said.slice(0, sentenceCharactersMax)} (${status})`,
    { status, reason: reply.reason ?? undefined, fields },
    {
      ...(fields[0] === undefined ? {} : { field: fields[0] }),
      ...(status === 401 ? { remedy: "Renew the credentials of the kubeconfig." } : {}),
      ...(status === 403 ? { remedy: "Grant the named verb, or use another account." } : {}),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    },
  );
}

function parseStatus(body: string): StatusReply {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? (value as StatusReply) : {};
  } catch {
    return {};
  }
}

export function unreachable(server: string, why: string, cause?: unknown): KubernetesError {
  return new KubernetesError(
    "kubernetes_unreachable",
    `The Kubernetes API at ${server} cannot be reached: ${why}.`,
    {},
    { cause },
  );
}

/** Whether the API refused with that reason, such as `Conflict`. */
export function hasReason(error: unknown, reason: string): error is KubernetesError {
  return error instanceof KubernetesError && error.apiReason === reason;
}
