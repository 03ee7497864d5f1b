/** From anything thrown to an EngineError, and from that to a sentence; each dialect puts it into its own form. */
import { EngineError } from "../contract/errors.ts";
import type { Log } from "../telemetry/telemetry.ts";

/** Defects of ours become `internal`: the log has the stack, the client the request's id. */
export function toEngineError(thrown: unknown, log: Log): EngineError {
  if (thrown instanceof EngineError) return thrown;
  if (thrown instanceof Error && thrown.name === "AbortError")
    return new EngineError("cancelled", "The client went away before the reply was complete.");
  const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  log.error("a request failed by a defect of the engine", { stack });
  return new EngineError("internal", "Something is wrong inside the engine.");
}

/** What is wrong and what to do, as one text. */
export function toSentence(error: EngineError): string {
  const text = error.message.trim();
  return `${/[.!?…]$/.test(text) ? text : `${text}.`} ${error.remedy}`;
}

/** Headers that an error's reply has in every dialect. */
export function errorHeaders(error: EngineError): Record<string, string> {
  return {
    ...(error.retryAfterSeconds === undefined
      ? {}
      : { "retry-after": String(Math.max(1, Math.ceil(error.retryAfterSeconds))) }),
    ...(error.code === "unauthorized" ? { "www-authenticate": "Bearer" } : {}),
  };
}
