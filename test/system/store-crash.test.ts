/** Kills a writing process at random moments and looks at what is left. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { systemClock } from "../../engine/kit/clock.ts";
import { createIds } from "../../engine/kit/identifiers.ts";
import { createSeededRandom, systemRandom } from "../../engine/kit/random.ts";
import { createSqliteStores } from "../../engine/stores/sqlite.ts";

/** What one life of the writer said before it was killed. */
interface Life {
  tried: Map<string, Set<string>>;
  kept: Map<string, Set<string>>;
  erasing: Set<string>;
  erased: Set<string>;
}

/** Kills the writer after `lines` lines, wherever it then is. */
async function liveAndDie(folder: string, run: number, lines: number): Promise<Life> {
  const script = join(import.meta.dirname, "store-crash-writer.ts");
  const child = spawn(process.execPath, [script, folder, String(run)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const life: Life = { tried: new Map(), kept: new Map(), erasing: new Set(), erased: new Set() };
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    record(life, line);
    count += 1;
    if (count === lines) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  expect(child.signalCode).toBe("SIGKILL");
  return life;
}

function record(life: Life, line: string): void {
  const [verb, conversation = "", ...words] = line.split(" ");
  const text = words.join(" ");
  const add = (map: Map<string, Set<string>>) =>
    map.set(conversation, (map.get(conversation) ?? new Set()).add(text));
  if (verb === "try") add(life.tried);
  if (verb === "kept") add(life.kept);
  if (verb === "erase") life.erasing.add(conversation);
  if (verb === "erased") life.erased.add(conversation);
}

/** All that must hold after a life, whenever it ended. Gives the words of conversations that are gone. */
async function examine(folder: string, life: Life): Promise<string[]> {
  const newId = createIds(systemClock, systemRandom);
  const stores = createSqliteStores({ folder, clock: systemClock, newId });
  const gone: string[] = [];
  try {
    const store = await stores.open({ tenant: "acme", subject: "alice" });
    for (const [conversation, tried] of life.tried) {
      const texts = (await store.history(conversation, 100)).map(event => event.text);
      const kept = life.kept.get(conversation) ?? new Set();
      const isGone = texts.length === 0;
      if (life.erased.has(conversation)) expect(texts).toEqual([]);
      else if (!(isGone && life.erasing.has(conversation))) {
        for (const text of kept) expect(texts, "an acknowledged event is lost").toContain(text);
      }
      for (const text of texts) expect(tried.has(text), `invented: ${text}`).toBe(true);
      expect(new Set(texts).size).toBe(texts.length);
      for (const text of tried) if (isGone && kept.has(text)) gone.push(text.split(" ")[0] ?? "");
    }
    // Derived data agree with the log: every event holds the term "text".
    const events = await store.statistics();
    const postings = await store.postings(["text"]);
    expect(postings[0]?.postings.length ?? 0).toBe(events.events);
    expect((await stores.health()).status).toBe("ok");
  } finally {
    await stores.close();
  }
  return gone;
}

test("30 × kill -9: nothing acknowledged is lost, nothing invented, nothing erased comes back", async () => {
  const seed = 20261121;
  console.log(`seed ${seed}`);
  const random = createSeededRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), "echorator-crash-"));
  try {
    let kept = 0;
    let erased = 0;
    for (let run = 0; run < 30; run++) {
      const life = await liveAndDie(folder, run, 2 + Math.floor(random() * 250));
      const gone = await examine(folder, life);
      kept += [...life.kept.values()].reduce((sum, texts) => sum + texts.size, 0);
      erased += life.erased.size;
      // Nothing has the files open now, so reading them here gives up no lock.
      const bytes = readdirSync(folder).map(name => readFileSync(join(folder, name)));
      const left = gone.filter(word => bytes.some(data => data.includes(`${word} `)));
      expect(left, "bytes of erased conversations").toEqual([]);
    }
    console.log(`${kept} events acknowledged, ${erased} erasures`);
    expect(kept).toBeGreaterThan(500);
    expect(erased).toBeGreaterThan(10);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
