/** What the supervisor decides, apart from doing it: whether and when the engine starts again, and when a log file is full. */

/** Purely local bounds: nothing outside the supervisor depends on them. */
export const supervisorLimits = {
  crashesMax: 5,
  crashWindowMs: 60_000,
  backoffFirstMs: 100,
  backoffFactor: 4,
  backoffMaxMs: 5_000,
  logBytesMax: 10 * 1024 * 1024,
  logFilesMax: 5,
  /** Beyond the engine's own grace, before it is killed. */
  stopMarginMs: 3_000,
} as const;

export interface EngineExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export type AfterExit = { do: "start"; delayMs: number } | { do: "give-up"; why: string };

/**
 * What follows when the engine ended unasked.
 * `crashTimesMs` are the times of all its ends so far, this one included; only those within the window count.
 */
export function planAfterExit(
  exit: EngineExit,
  crashTimesMs: readonly number[],
  nowMs: number,
  hopelessCode: number,
): AfterExit {
  const { crashesMax, crashWindowMs, backoffFirstMs, backoffFactor, backoffMaxMs } =
    supervisorLimits;
  if (exit.code === hopelessCode)
    return { do: "give-up", why: "The engine refused its configuration" };
  const recent = crashTimesMs.filter(time => nowMs - time < crashWindowMs).length;
  if (recent >= crashesMax) {
    const why = `The engine ended ${recent} times within ${crashWindowMs / 1000} s, last ${describeExit(exit)}`;
    return { do: "give-up", why };
  }
  const delayMs = backoffFirstMs * backoffFactor ** Math.max(0, recent - 1);
  return { do: "start", delayMs: Math.min(delayMs, backoffMaxMs) };
}

export function describeExit(exit: EngineExit): string {
  return exit.signal === null ? `with code ${exit.code ?? "unknown"}` : `by ${exit.signal}`;
}

/** The line of an engine's last output that says most: its error, or else its last line that is no stack frame. */
export function lastWords(tail: string): string {
  const lines = tail.split("\n").filter(line => !/^\s*$|^\s+at |^Node\.js v/.test(line));
  return (lines.findLast(line => /^\w*Error\b/.test(line)) ?? lines.at(-1) ?? "").trim();
}

/** Whether a log file of `bytes` must make room before `more` bytes are written. */
export function isLogFull(bytes: number, more: number): boolean {
  return bytes > 0 && bytes + more > supervisorLimits.logBytesMax;
}

/** The renames that make room for a new `file`, in order; what the last one overwrites is gone. */
export function planRotation(file: string): { from: string; to: string }[] {
  const names = Array.from({ length: supervisorLimits.logFilesMax }, (_, index) =>
    index === 0 ? file : `${file}.${index}`,
  );
  return names
    .slice(0, -1)
    .map((from, index) => ({ from, to: names[index + 1] ?? from }))
    .reverse();
}
