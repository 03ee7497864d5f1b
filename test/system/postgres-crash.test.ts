/** Kills PostgreSQL in the middle of appends, again and again, and looks at what is left. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../engine/kit/clock.ts";
import { createIds } from "../../engine/kit/identifiers.ts";
import { createSeededRandom, systemRandom } from "../../engine/kit/random.ts";
import { createPostgresStores } from "../../engine/stores/postgres.ts";
import type { Store } from "../../engine/stores/store.ts";
import { newEvent } from "../conformance/store.ts";
import { createKeptLog } from "../support/kept-log.ts";
import { type PostgresServer, postgresProgram, startPostgres } from "../support/postgres-server.ts";
import { describeWith } from "../support/server-programs.ts";

/** What was said to whoever appended. */
interface Told {
  tried: Set<string>;
  kept: Set<string>;
  erasing: Set<string>;
  erased: Set<string>;
  failed: number;
}

const lanes = 4;

describeWith(postgresProgram, "PostgreSQL that is killed", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  test("8 × kill -9: nothing acknowledged is lost, nothing invented, nothing erased comes back", async () => {
    const seed = 20261121;
    console.log(`seed ${seed}`);
    const random = createSeededRandom(seed);
    const url = await server.createDatabase("crashes");
    const newId = createIds(systemClock, systemRandom);
    const create = () =>
      createPostgresStores({ url, clock: systemClock, newId, log: createKeptLog().log });
    const gateways = [create(), create()];
    const told: Told = {
      tried: new Set(),
      kept: new Set(),
      erasing: new Set(),
      erased: new Set(),
      failed: 0,
    };
    try {
      for (let run = 0; run < 8; run++) {
        const before = told.kept.size;
        const wanted = 5 + Math.floor(random() * 60);
        const stores = await Promise.all(
          gateways.map(gateway => gateway.open({ tenant: "acme", subject: "alice" })),
        );
        let isOver = false;
        const writing = Array.from({ length: lanes }, (_, lane) =>
          runLane(stores[lane % 2] as Store, told, `run${run}-lane${lane}`, () => isOver),
        );
        while (told.kept.size < before + wanted) await systemClock.sleep(1);
        await server.end("SIGKILL");
        isOver = true;
        await Promise.all([server.start(), ...writing]);
        await examine(stores[0] as Store, told);
        expect((await gateways[0]?.health())?.status).toBe("ok");
      }
    } finally {
      await Promise.all(gateways.map(gateway => gateway.close()));
    }
    console.log(
      `${told.kept.size} events acknowledged, ${told.failed} not, ${told.erased.size} erasures`,
    );
    expect(told.kept.size).toBeGreaterThan(150);
    expect(told.erased.size).toBeGreaterThan(5);
  });
});

/** Appends one after the other until the server is gone. */
async function runLane(
  store: Store,
  told: Told,
  lane: string,
  isOver: () => boolean,
): Promise<void> {
  for (let index = 0; !isOver(); index++) {
    const conversation = `${lane}-${Math.floor(index / 4)}`;
    const name = `${conversation} text ${index}`;
    told.tried.add(name);
    try {
      await store.append(newEvent(conversation, name));
      told.kept.add(name);
      if (index % 12 !== 11) continue;
      const gone = `${lane}-${Math.floor(index / 4) - 1}`;
      told.erasing.add(gone);
      await store.deleteConversation(gone);
      told.erased.add(gone);
    } catch (error) {
      expect(error).toMatchObject({ code: "memory_failed" });
      told.failed += 1;
    }
  }
}

async function examine(store: Store, told: Told): Promise<void> {
  const [list] = await store.postings(["text"]);
  const sequences = list?.postings.map(posting => posting.sequence) ?? [];
  const events = await store.events(sequences);
  const found = new Set(events.map(event => event.text));
  expect(found.size, "an event is there twice").toBe(events.length);
  for (const name of told.kept) {
    const conversation = name.split(" ")[0] ?? "";
    if (told.erased.has(conversation)) expect(found.has(name), `came back: ${name}`).toBe(false);
    else if (!told.erasing.has(conversation))
      expect(found.has(name), `an acknowledged event is lost: ${name}`).toBe(true);
  }
  for (const name of found) expect(told.tried.has(name), `invented: ${name}`).toBe(true);
  // Derived data agree with the log: every event holds the term "text".
  expect((await store.statistics()).events).toBe(events.length);
  expect(await store.frequencies(["text"])).toEqual(new Map([["text", events.length]]));
}
