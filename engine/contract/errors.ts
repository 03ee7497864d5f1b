/** The errors anyone outside may meet: one code, one HTTP status and one remedy each; every dialect renders them in its own form. */

/** Code → status and the remedy that is shown when the place of the error names no better one. */
export const errorTable = {
  invalid_json: { status: 400, remedy: "Send one JSON object with content-type application/json." },
  invalid_request: { status: 400, remedy: "Correct the named field and send the request again." },
  unsupported: { status: 400, remedy: "Leave the named field out; this engine cannot do it." },
  context_exceeded: {
    status: 400,
    remedy: "Shorten the messages, or raise `context` of the model in the stack file.",
  },
  invalid_config: { status: 400, remedy: "Correct the named field of the configuration." },
  invalid_model_file: {
    status: 422,
    remedy: "Download the file again, or name another `source` for the model.",
  },
  unauthorized: { status: 401, remedy: "Send a key of this engine as `Authorization: Bearer …`." },
  forbidden: { status: 403, remedy: "Use a key with the scope that the sentence names." },
  host_refused: {
    status: 403,
    remedy: "Use localhost or 127.0.0.1, or set `echorator:host` and keys in the stack file.",
  },
  not_found: { status: 404, remedy: "Look at /openapi.json for what there is." },
  model_not_found: {
    status: 404,
    remedy: "List the models with GET /api/v1/models, or add it under `echorator:models`.",
  },
  conversation_not_found: {
    status: 404,
    remedy: "List the conversations with GET /api/v1/conversations.",
  },
  method_not_allowed: {
    status: 405,
    remedy: "Look at /openapi.json for the methods of this path.",
  },
  owned_by_stack: {
    status: 409,
    remedy: "Remove the model from the stack file and run `npm run up`.",
  },
  conflict: { status: 409, remedy: "Look at what is there already and try again." },
  body_too_large: { status: 413, remedy: "Send less in one request." },
  cancelled: { status: 499, remedy: "Nothing to do: the client went away." },
  internal: { status: 500, remedy: "Look into the engine's log for the request id." },
  model_crashed: { status: 502, remedy: "Send the request again; the model is being restarted." },
  source_unreachable: {
    status: 502,
    remedy: "Look at the network and the model's `source`, then apply it again.",
  },
  memory_failed: {
    status: 503,
    remedy: "Look at GET /dte/health; without X-Echo-Memory the models still answer.",
  },
  overloaded: { status: 503, remedy: "Try again after the time in Retry-After." },
  model_not_ready: { status: 503, remedy: "Wait until GET /models/health says ready." },
  stopping: { status: 503, remedy: "Try again in a moment: the engine restarts." },
  does_not_fit: {
    status: 422,
    remedy: "Name a larger `profile`, or lower `context`, `slots` or the `kv` types.",
  },
  kubernetes_failed: { status: 502, remedy: "Correct what the API server names and try again." },
  kubernetes_unreachable: {
    status: 503,
    remedy: "Look at the cluster's address and at the kubeconfig, then try again.",
  },
  rate_limited: { status: 429, remedy: "Try again after the time in Retry-After." },
  deadline_exceeded: { status: 504, remedy: "Ask for fewer tokens, or try again with less load." },
  disk_full: { status: 507, remedy: "Free space below the home folder, then try again." },
} as const satisfies Record<string, { status: number; remedy: string }>;

export type ErrorCode = keyof typeof errorTable;

export interface ErrorDetails {
  /** The path of the field that is wrong, as the client wrote it: `messages[2].content`. */
  field?: string;
  /** What to do, when it is more exact than the table's remedy. */
  remedy?: string;
  /** Seconds after which a retry makes sense (Retry-After). */
  retryAfterSeconds?: number;
  cause?: unknown;
}

/** An error that its reader can act on. Anything else that is thrown is our own defect and shown as `internal`. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly remedy: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.field = details.field;
    this.remedy = details.remedy ?? errorTable[code].remedy;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  /** What crosses a process or a wire. */
  toJSON(): ErrorShape {
    return {
      code: this.code,
      message: this.message,
      remedy: this.remedy,
      ...(this.field === undefined ? {} : { field: this.field }),
      ...(this.retryAfterSeconds === undefined
        ? {}
        : { retryAfterSeconds: this.retryAfterSeconds }),
    };
  }
}

export interface ErrorShape {
  code: ErrorCode;
  message: string;
  remedy: string;
  field?: string;
  retryAfterSeconds?: number;
}

/** The error that `shape` described on the other side of a process or a wire. */
export function errorFromShape(shape: ErrorShape): EngineError {
  const { code, message, ...details } = shape;
  return new EngineError(code, message, details);
}
