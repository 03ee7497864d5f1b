/** Exit codes of kollama: few, documented, and the same for every verb. */
import { EngineError, type ErrorCode } from "../contract/errors.ts";

export const exits = {
  ok: { code: 0, meaning: "it is done" },
  failed: { code: 1, meaning: "it failed; the last line says why and what to do" },
  misuse: { code: 2, meaning: "the command line is wrong; nothing was done" },
  notFound: { code: 3, meaning: "there is no such model, key, conversation or cluster object" },
  notReady: { code: 4, meaning: "it was asked for, and is not ready within the time given" },
  unreachable: { code: 5, meaning: "the engine or the cluster cannot be reached" },
  refused: { code: 6, meaning: "who asks may not do that" },
  unhealthy: { code: 7, meaning: "doctor found something" },
  interrupted: { code: 130, meaning: "ended by Ctrl-C" },
} as const;
export type Exit = keyof typeof exits;

const byCode: Partial<Record<ErrorCode, Exit>> = {
  invalid_request: "misuse",
  invalid_config: "misuse",
  not_found: "notFound",
  model_not_found: "notFound",
  conversation_not_found: "notFound",
  model_not_ready: "notReady",
  deadline_exceeded: "notReady",
  source_unreachable: "failed",
  kubernetes_unreachable: "unreachable",
  stopping: "unreachable",
  unauthorized: "refused",
  forbidden: "refused",
  cancelled: "interrupted",
};

export function exitOf(error: unknown): number {
  const exit = error instanceof EngineError ? (byCode[error.code] ?? "failed") : "failed";
  return exits[exit].code;
}
