/** Counters of quotas: how much of each is used in its running window, shared by gateways where there is a Valkey. */

/** What one request wants of one quota. */
export interface Claim {
  /** Of the quota: names from the configuration, never a request's text. */
  key: string;
  /** What is set aside until it is settled. */
  amount: number;
  /** How much a window has. */
  limit: number;
  windowMs: number;
}

export interface QuotaState {
  limit: number;
  remaining: number;
  /** Until something is left again (when refused), else until the window ends. */
  resetMs: number;
}

export type Taken =
  | {
      granted: true;
      /** In the order of the claims, what was taken included. */
      states: QuotaState[];
      /** What it really was, in the order of the claims. Once; never rejects. */
      settle(actual: readonly number[]): Promise<void>;
    }
  | {
      granted: false;
      states: QuotaState[];
      /** Index of the claim that nothing was left for. */
      refused: number;
    };

/**
 * Every implementation passes test/conformance/counters.ts. Both promise:
 * - All claims are granted or none.
 * - A claim is granted while something of its window is left. It may take more than that, so a window is overdrawn by one
 *   claim at most, and what is overdrawn is missing from the windows that follow.
 * - A window begins with the first claim after the last one's end.
 * - A claim that is never settled counts in full, in its own window.
 */
export interface Counters {
  take(claims: readonly Claim[]): Promise<Taken>;
  /** degraded: each gateway counts for itself. */
  health(): { status: "ok" | "degraded"; reason: string | undefined };
  close(): Promise<void>;
}
