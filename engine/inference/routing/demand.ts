/** Demand: what one gateway wants of one model, measured over the last minute and bounded in memory. */
import type { Clock } from "../../kit/clock.ts";

/** What one gateway wants of one model now; what a scaler goes by. */
export interface ModelDemand {
  /** Requests that wait for a replica. */
  held: number;
  /** Requests that are being answered or wait at a replica. */
  running: number;
  /** 95th percentile of how long requests waited, or what the oldest waits already. */
  queueSeconds: number;
  /** Tokens that running requests still want, about. */
  tokensWaiting: number;
  /** 95th percentile; undefined when nothing was answered. */
  firstTokenSeconds: number | undefined;
  /** When the last request came or ended (ms since 1970); undefined when none did. */
  lastUsedMs: number | undefined;
}

export interface DemandMeter {
  /** A request wants that many tokens; the result says what is left of it, and 0 ends it. */
  want(tokens: number): (left: number) => void;
  queued(ms: number): void;
  firstToken(ms: number): void;
  read(): Pick<ModelDemand, "queueSeconds" | "tokensWaiting" | "firstTokenSeconds">;
}

const windowMs = 60_000;
const samplesMax = 512;

export function createDemandMeter(clock: Clock): DemandMeter {
  const queue = createSamples(clock);
  const first = createSamples(clock);
  let tokensWaiting = 0;
  return {
    want(tokens) {
      let open = tokens;
      tokensWaiting += open;
      return left => {
        const next = Math.max(0, left);
        tokensWaiting += next - open;
        open = next;
      };
    },
    queued: queue.add,
    firstToken: first.add,
    read: () => ({
      queueSeconds: (queue.high() ?? 0) / 1_000,
      tokensWaiting,
      firstTokenSeconds: toSeconds(first.high()),
    }),
  };
}

function toSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1_000;
}

function createSamples(clock: Clock) {
  const samples: { atMs: number; value: number }[] = [];
  const forget = () => {
    const since = clock.monotonic() - windowMs;
    while (samples.length > samplesMax || (samples[0]?.atMs ?? Infinity) < since) samples.shift();
  };
  return {
    add(value: number) {
      samples.push({ atMs: clock.monotonic(), value });
      forget();
    },
    high(): number | undefined {
      forget();
      const sorted = samples.map(sample => sample.value).sort((a, b) => a - b);
      return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))];
    },
  };
}
