/** Measures the durable store and recall: `node test/bench/memory.ts [events …]`. Prints a table; asserts nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { recall } from "../../engine/cognition/recall.ts";
import { withIndex } from "../../engine/cognition/remember.ts";
import { systemClock } from "../../engine/kit/clock.ts";
import { createIds } from "../../engine/kit/identifiers.ts";
import { createSeededRandom, systemRandom } from "../../engine/kit/random.ts";
import { createSqliteStores } from "../../engine/stores/sqlite.ts";
import type { Store } from "../../engine/stores/store.ts";
import { inventWord, type Question, tellHistory } from "../engine/cognition/histories.ts";

const scope = { tenant: "bench", subject: "alice" };
const newId = createIds(systemClock, systemRandom);

async function time(count: number, run: (index: number) => unknown): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const started = performance.now();
    await run(index);
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b);
}

function report(name: string, times: readonly number[]): void {
  const at = (share: number) => (times[Math.floor((times.length - 1) * share)] ?? 0).toFixed(2);
  console.log(`${name.padEnd(46)} p50 ${at(0.5).padStart(8)} ms   p95 ${at(0.95).padStart(8)} ms`);
}

function toEvent(index: number) {
  const text = `My ${inventWord(createSeededRandom(index))} likes ${inventWord(createSeededRandom(index + 1e6))} on rainy days.`;
  const about = {
    requestId: "req",
    source: "bench",
    status: "complete",
    model: undefined,
  } as const;
  return withIndex({
    conversation: `w${index % 50}`,
    role: "user",
    text,
    timeMs: 0,
    trust: 1,
    ...about,
  });
}

/** Writes: turn and turn about with SQLite's bare commit, so that the disk's mood hits both alike. */
async function measureWrites(folder: string, store: Store): Promise<void> {
  const bare = new DatabaseSync(join(folder, "bare.db"));
  bare.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (a TEXT) STRICT");
  const insert = bare.prepare("INSERT INTO t VALUES (?)");
  const bareTimes: number[] = [];
  const ownTimes: number[] = [];
  for (let index = 0; index < 200; index++) {
    bareTimes.push(...(await time(1, () => insert.run("x".repeat(60)))));
    ownTimes.push(...(await time(1, () => store.append(toEvent(index)))));
  }
  bare.close();
  report(
    "bare commit, WAL and FULL",
    bareTimes.sort((a, b) => a - b),
  );
  report(
    "append, one at a time",
    ownTimes.sort((a, b) => a - b),
  );
  const together = await time(10, round =>
    Promise.all(
      Array.from({ length: 32 }, (_, index) => store.append(toEvent(round * 32 + index))),
    ),
  );
  report("32 appends at once, all of them", together);
}

async function measureErasing(store: Store): Promise<void> {
  report("erasing one conversation", await time(5, index => store.deleteConversation(`w${index}`)));
}

async function measureRecall(
  store: Store,
  questions: readonly Question[],
  events: number,
): Promise<void> {
  const options = { tokensMax: 320, nowMs: systemClock.now() };
  const ask = (index: number) =>
    recall(store, questions[index % questions.length]?.text ?? "", options);
  await time(10, ask);
  report(`recall among ${events} events`, await time(100, ask));
}

const sizes = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), "echorator-bench-"));
try {
  const stores = createSqliteStores({ folder: join(folder, "memory"), clock: systemClock, newId });
  const store = await stores.open(scope);
  await measureWrites(folder, store);
  for (const size of sizes.length > 0 ? sizes : [10_000]) {
    const own = await stores.open({ tenant: `size-${size}`, subject: "alice" });
    const conversations = Math.round(size / 6.4);
    // Not one fsync an event: the appends are begun in order and awaited together.
    const begun: Promise<unknown>[] = [];
    const append: Store["append"] = async event => {
      begun.push(own.append(event));
      if (begun.length % 1_000 === 0) await Promise.all(begun);
      return event as never;
    };
    const questions = await tellHistory(
      { ...own, append },
      { seed: 1, conversations, startMs: 1_700_000_000_000 },
    );
    await Promise.all(begun);
    const { events } = await own.statistics();
    await measureRecall(own, questions, events);
    report(
      `erasing one conversation of ${conversations}`,
      await time(3, index => own.deleteConversation(`cnv_${index}`)),
    );
  }
  await measureErasing(store);
  await stores.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
