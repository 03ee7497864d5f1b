/** One measurement: so many streams at once on each target, and what came of it. */
import type { Target } from "./targets.ts";

export interface Figures {
  tokensPerSecond: number;
  /** Median over the streams. */
  firstTokenMs: number;
  /** Part of the CPU time spent outside ggml; undefined where it cannot be read. */
  outside: number | undefined;
}

export async function measure(
  targets: readonly Target[],
  streams: number,
  tokens: number,
): Promise<Figures> {
  const before = targets.map(target => target.cpu());
  const ownBefore = process.cpuUsage();
  const started = performance.now();
  const runs = await Promise.all(
    targets.flatMap(target =>
      Array.from({ length: streams }, (_, index) => runStream(target, index, tokens)),
    ),
  );
  const seconds = (performance.now() - started) / 1_000;
  const own = process.cpuUsage(ownBefore);
  const ownMs = (own.user + own.system) / 1_000;
  const after = targets.map(target => target.cpu());
  return {
    tokensPerSecond: runs.reduce((sum, run) => sum + run.tokens, 0) / seconds,
    firstTokenMs: median(runs.map(run => run.firstTokenMs)),
    outside: toOutside(before, after, ownMs),
  };
}

async function runStream(target: Target, index: number, tokens: number) {
  const started = performance.now();
  let firstTokenMs: number | undefined;
  let count = 0;
  for await (const part of target.stream(promptOf(index), tokens)) {
    firstTokenMs ??= performance.now() - started;
    count = part.tokens;
  }
  return { tokens: count, firstTokenMs: firstTokenMs ?? performance.now() - started };
}

/** New each time, so that no server answers from its cache. */
function promptOf(index: number): string {
  const salt = Math.random().toString(36).slice(2, 8);
  return `${salt} ${index}: Tell a long story about a lighthouse, a storm and a letter in a bottle.`;
}

interface CpuTimes {
  totalMs: number;
  javascriptMs: number;
}

/** This process counts wholly as outside: it parses, queues and hands on. */
function toOutside(
  before: readonly (CpuTimes | undefined)[],
  after: readonly (CpuTimes | undefined)[],
  ownMs: number,
): number | undefined {
  let total = ownMs;
  let outside = ownMs;
  for (const [index, end] of after.entries()) {
    const start = before[index];
    if (end === undefined || start === undefined) return undefined;
    total += end.totalMs - start.totalMs;
    outside += end.javascriptMs - start.javascriptMs;
  }
  return outside / total;
}

/** As a percentage for the table. */
export function share(figures: readonly Figures[]): string {
  const known = figures.flatMap(one => (one.outside === undefined ? [] : [one.outside]));
  return known.length === 0 ? "-" : `${(100 * median(known)).toFixed(0)} %`;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}
