/** Facts of sources, read once for all models that name them, and again after a while or when the last attempt failed. */
import type { Clock } from "../kit/clock.ts";
import type { FactsReading, ModelFactsReader } from "../models/facts.ts";

export interface SourceFacts {
  /**
   * What is known; waits for a first reading no longer than the patience, then `onNews` says when there is more.
   * @throws what the reader throws: the file is none, or the guard refused
   */
  get(source: string, token: string | undefined, onNews: () => void): Promise<FactsReading>;
  close(): void;
}

/** Objects are not held up for longer by a server that does not answer. */
const patienceMs = 5_000;
const keptMs = 600_000;
const retryMs = 30_000;
const entriesMax = 4_096;

interface Entry {
  reading: FactsReading | undefined;
  error: unknown;
  readMs: number | undefined;
  running: Promise<void> | undefined;
  waiting: Set<() => void>;
}

const unknown: FactsReading = {
  shape: undefined,
  facts: undefined,
  sha256: undefined,
  reason: "its server has not answered yet",
};

export function createSourceFacts(reader: ModelFactsReader, clock: Clock): SourceFacts {
  const entries = new Map<string, Entry>();
  const closing = new AbortController();

  async function read(entry: Entry, source: string, token: string | undefined): Promise<void> {
    try {
      const reading = await reader.read(source, closing.signal, token);
      // What was known is better than a server that is away.
      if (reading.shape !== undefined || entry.reading?.shape === undefined)
        entry.reading = reading;
      entry.error = undefined;
    } catch (error) {
      entry.error = error;
    }
    entry.readMs = clock.monotonic();
    entry.running = undefined;
    const told = [...entry.waiting];
    entry.waiting.clear();
    for (const tell of told) tell();
  }

  function isDue({ readMs, reading }: Entry): boolean {
    if (readMs === undefined) return true;
    const age = clock.monotonic() - readMs;
    return age > (reading?.reason === undefined ? keptMs : retryMs);
  }

  return {
    async get(source, token, onNews) {
      const key = `${token ?? ""} ${source}`;
      let entry = entries.get(key);
      if (entry === undefined) {
        if (entries.size >= entriesMax) entries.clear();
        entry = {
          reading: undefined,
          error: undefined,
          readMs: undefined,
          running: undefined,
          waiting: new Set(),
        };
        entries.set(key, entry);
      }
      if (
        isDue(entry) ||
        (entry.error !== undefined && entry.running === undefined && age(entry) > retryMs)
      )
        entry.running ??= read(entry, source, token);
      if (entry.readMs === undefined && entry.running !== undefined)
        await Promise.race([entry.running, clock.sleep(patienceMs, closing.signal)]);
      if (entry.running !== undefined) entry.waiting.add(onNews);
      if (entry.error !== undefined) throw entry.error;
      return entry.reading ?? unknown;
    },
    close: () => closing.abort(),
  };

  function age({ readMs }: Entry): number {
    return readMs === undefined ? 0 : clock.monotonic() - readMs;
  }
}
