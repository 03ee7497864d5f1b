/** How OpenAI writes errors, usage, tool calls and what was remembered. */
import type { FinishReason, ToolCall, Usage } from "../../contract/chat.ts";
import type { EngineError, ErrorCode } from "../../contract/errors.ts";
import type { RecalledMemory } from "../../contract/memory.ts";
import { errorHeaders, toSentence } from "../errors.ts";
import { event, json } from "../reply.ts";
import { rateLimitHeadersOf } from "./rate-limits.ts";

/** A comment of server-sent events, which every client passes over. */
export const waitingComment = ": waiting for a replica of the model\n\n";

export const lastEvent = "data: [DONE]\n\n";

/** Codes that clients know under OpenAI's own name. */
const knownCodes: Partial<Record<ErrorCode, string>> = {
  context_exceeded: "context_length_exceeded",
  rate_limited: "rate_limit_exceeded",
  unauthorized: "invalid_api_key",
  unsupported: "unsupported_parameter",
};

export function toErrorObject(error: EngineError) {
  return {
    error: {
      message: toSentence(error),
      type: toType(error.status),
      param: error.field ?? null,
      code: knownCodes[error.code] ?? error.code,
    },
  };
}

function toType(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 404) return "not_found_error";
  if (status === 429) return "rate_limit_error";
  if (status < 500) return "invalid_request_error";
  return status === 503 ? "service_unavailable_error" : "server_error";
}

export function renderError(error: EngineError): Response {
  const headers = { ...errorHeaders(error), ...rateLimitHeadersOf(error) };
  return json(toErrorObject(error), { status: error.status, headers });
}

export function renderErrorEvent(error: EngineError): string {
  return event(toErrorObject(error));
}

export function toUsage({ promptTokens, cachedTokens, completionTokens }: Usage) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}

export function toFinishReason(reason: FinishReason): string {
  return reason === "toolCalls" ? "tool_calls" : reason;
}

export function toToolCallObject(call: ToolCall) {
  return {
    id: call.id,
    type: "function",
    function: { name: call.name, arguments: JSON.stringify(call.arguments) },
  };
}

/** Beside OpenAI's fields: which memories went into the prompt. */
export function toEcho(used: readonly RecalledMemory[]) {
  if (used.length === 0) return {};
  return { echo: { memory: used.map(({ id, score, text }) => ({ id, score, text })) } };
}
