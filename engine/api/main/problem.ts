/** Errors of the main and the Admin API: application/problem+json (RFC 9457). */
import type { EngineError } from "../../contract/errors.ts";
import { errorHeaders } from "../errors.ts";
import { json } from "../reply.ts";

export function toProblem(error: EngineError, requestId: string) {
  const words = error.code.replaceAll("_", " ");
  return {
    type: `urn:echorator:error:${error.code}`,
    title: `${words[0]?.toUpperCase()}${words.slice(1)}`,
    status: error.status,
    detail: error.message,
    code: error.code,
    ...(error.field === undefined ? {} : { field: error.field }),
    remedy: error.remedy,
    requestId,
  };
}

export function renderProblem(error: EngineError, requestId: string): Response {
  return json(toProblem(error, requestId), {
    status: error.status,
    headers: errorHeaders(error),
    contentType: "application/problem+json",
  });
}
