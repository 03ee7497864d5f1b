/** Where a key's quotas stand, in the headers that OpenAI's clients know. */
import { QuotaError, type Quotas } from "../admission.ts";
import type { OpenTurn } from "../turn.ts";

export function turnHeaders(turn: OpenTurn): Record<string, string> {
  return { ...turn.headers, ...rateLimitHeaders(turn.quotas) };
}

export function rateLimitHeaders(quotas: Quotas): Record<string, string> {
  return Object.fromEntries(
    (["requests", "tokens"] as const).flatMap(of => {
      const state = quotas[of];
      if (state === undefined) return [];
      return [
        [`x-ratelimit-limit-${of}`, String(state.limit)],
        [`x-ratelimit-remaining-${of}`, String(state.remaining)],
        [`x-ratelimit-reset-${of}`, toDuration(state.resetMs)],
      ];
    }),
  );
}

/** Of an error that a quota is the reason of; none of the others. */
export function rateLimitHeadersOf(error: unknown): Record<string, string> {
  return error instanceof QuotaError ? rateLimitHeaders(error.quotas) : {};
}

/** As OpenAI writes it: 350ms, 12s, 6m0s, 2h0m5s. */
function toDuration(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)}ms`;
  const seconds = Math.ceil(ms / 1_000);
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60)];
  if (minutes === 0) return `${seconds}s`;
  const rest = `${minutes % 60}m${seconds % 60}s`;
  return hours === 0 ? rest : `${hours}h${rest}`;
}
