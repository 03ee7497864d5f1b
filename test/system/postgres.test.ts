/** The store on a real PostgreSQL: the suite of stores, several gateways, isolation, faults, and what a deletion leaves. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { recall } from "../../engine/cognition/recall.ts";
import { systemClock } from "../../engine/kit/clock.ts";
import { createIds } from "../../engine/kit/identifiers.ts";
import { systemRandom } from "../../engine/kit/random.ts";
import { createPostgresStores } from "../../engine/stores/postgres.ts";
import { createSqliteStores } from "../../engine/stores/sqlite.ts";
import type { Stores } from "../../engine/stores/store.ts";
import {
  createCountedIds,
  createTestClock,
  describeStore,
  newEvent,
} from "../conformance/store.ts";
import { tellHistory } from "../engine/cognition/histories.ts";
import { startTestEngine } from "../support/engine.ts";
import { createKeptLog } from "../support/kept-log.ts";
import {
  type PostgresServer,
  postgresPassword,
  postgresProgram,
  startPostgres,
} from "../support/postgres-server.ts";
import { describeWith } from "../support/server-programs.ts";

const alice = { tenant: "acme", subject: "alice" };
const tables = ["tenants", "scopes", "conversations", "events", "terms", "postings"];

describeWith(postgresProgram, "a real PostgreSQL", () => {
  let server: PostgresServer;
  let url: string;
  const { log, lines } = createKeptLog();

  beforeAll(async () => {
    server = await startPostgres();
    url = await server.createDatabase("memory");
  });
  afterAll(() => server?.stop());

  /** The database as the superuser sees it. */
  const superUrl = () => server.url.replace(/postgres$/, "memory");
  const empty = () => server.query(superUrl(), "DROP SCHEMA IF EXISTS echorator CASCADE");

  describeStore("postgres on its own server", async options => {
    await empty();
    return createPostgresStores({ ...options, url, log });
  });

  describe("gateways on one database", () => {
    let open: Stores[];
    const newId = createIds(systemClock, systemRandom);
    const createGateway = (more: { url?: string; connectionsMax?: number } = {}) => {
      const stores = createPostgresStores({ url, clock: systemClock, newId, log, ...more });
      open.push(stores);
      return stores;
    };

    beforeEach(async () => {
      open = [];
      await empty();
    });
    afterEach(() => Promise.all(open.map(stores => stores.close())));

    test("that start at once on an empty database migrate it once and all work", async () => {
      const gateways = Array.from({ length: 6 }, () => createGateway({ connectionsMax: 2 }));
      const stored = await Promise.all(
        gateways.map(async (gateway, index) => {
          const store = await gateway.open(alice);
          return store.append(newEvent(`c${index}`, "hello"));
        }),
      );
      expect(stored.map(event => event.sequence).sort()).toEqual([1, 2, 3, 4, 5, 6]);
      const applied = await server.query(url, "SELECT version FROM echorator.migrations");
      expect(applied).toEqual([{ version: 1 }]);
    });

    test("show the log without holes, whoever writes and whenever one looks", async () => {
      const writers = [createGateway(), createGateway(), createGateway()];
      const reader = await createGateway().open(alice);
      let isWriting = true;
      const writing = Promise.all(
        writers.map(async (gateway, lane) => {
          const store = await gateway.open(alice);
          for (let index = 0; index < 40; index++)
            await store.append(newEvent(`lane${lane}`, `text ${index}`));
        }),
      ).finally(() => {
        isWriting = false;
      });
      let looks = 0;
      while (isWriting) {
        const [list] = await reader.postings(["text"]);
        const seen = list?.postings.map(posting => posting.sequence) ?? [];
        expect(seen).toEqual(Array.from({ length: seen.length }, (_, index) => index + 1));
        looks += 1;
      }
      await writing;
      expect(looks).toBeGreaterThan(5);
      expect((await reader.statistics()).events).toBe(120);
    });

    test("never hold more connections than they may, and everyone is answered", async () => {
      const gateway = createGateway({ connectionsMax: 4 });
      const store = await gateway.open(alice);
      await store.append(newEvent("c1", "hello"));
      const asked = Promise.all(Array.from({ length: 200 }, () => store.history("c1", 1)));
      const [row] = await server.query(
        server.url,
        "SELECT count(*)::int AS held FROM pg_stat_activity WHERE usename = 'memory'",
      );
      expect(row?.held).toBeLessThanOrEqual(4);
      expect((await asked).every(events => events.length === 1)).toBe(true);
    });

    test("a query that names no scope sees nothing, as owner of the tables and as superuser's role", async () => {
      const store = await createGateway().open(alice);
      await store.append(newEvent("c1", "canary"));
      const count = (table: string) => `SELECT count(*)::int AS rows FROM echorator.${table}`;
      for (const table of tables) {
        expect(await server.query(url, count(table)), table).toEqual([{ rows: 0 }]);
        expect(await server.query(superUrl(), count(table))).toEqual([{ rows: 1 }]);
      }
      const bob =
        "SELECT set_config('echorator.tenant', 'acme', false), set_config('echorator.subject', 'bob', false); ";
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query(bob);
      for (const table of tables.slice(1)) {
        const { rows } = await client.query(count(table));
        expect(rows, table).toEqual([{ rows: 0 }]);
      }
      // Nor can it write into a scope that it has not named, or move a row there.
      for (const sql of [
        "INSERT INTO echorator.terms (scope, term, events) VALUES (1, 'planted', 1)",
        "INSERT INTO echorator.scopes (tenant, subject) VALUES ('acme', 'alice2')",
      ])
        await expect(client.query(sql)).rejects.toMatchObject({ code: "42501" });
      await client.end();
    });

    test("connections that are given back keep nothing of the scope they served", async () => {
      const gateway = createGateway({ connectionsMax: 1 });
      const own = await gateway.open(alice);
      await own.append(newEvent("c1", "canary"));
      const other = await gateway.open({ tenant: "globex", subject: 'it\'s \\ "bob" $1; --' });
      expect(await other.statistics()).toEqual({ events: 0, averageLength: 0 });
      await other.append(newEvent("c1", "other"));
      expect((await other.history("c1", 9)).map(event => event.text)).toEqual(["other"]);
      expect((await own.history("c1", 9)).map(event => event.text)).toEqual(["canary"]);
    });

    test("a superuser's work is done in a role that policies hold", async () => {
      const store = await createGateway({ url: superUrl() }).open(alice);
      await store.append(newEvent("c1", "canary"));
      const bob = await createGateway({ url: superUrl() }).open({ tenant: "acme", subject: "bob" });
      expect(await bob.statistics()).toEqual({ events: 0, averageLength: 0 });
      expect((await store.history("c1", 1))[0]?.text).toBe("canary");
    });

    test("a database whose isolation was taken off, or of a newer engine, is not worked with", async () => {
      await createGateway().open(alice);
      await server.query(url, "ALTER TABLE echorator.events NO FORCE ROW LEVEL SECURITY");
      await expect(createGateway().open(alice)).rejects.toThrow(/echorator\.events/);
      await server.query(url, "ALTER TABLE echorator.events FORCE ROW LEVEL SECURITY");
      await server.query(url, "INSERT INTO echorator.migrations VALUES (998, true)");
      await createGateway().open(alice);
      await server.query(url, "INSERT INTO echorator.migrations VALUES (999, false)");
      const late = createGateway();
      await expect(late.open(alice)).rejects.toThrow(/newer Echorator/);
      expect(await late.health()).toMatchObject({ status: "failed" });
    });

    test("connections that are cut are replaced; reads notice nothing", async () => {
      const gateway = createGateway();
      const store = await gateway.open(alice);
      const stored = await store.append(newEvent("c1", "hello"));
      for (let round = 0; round < 3; round++) {
        const reading = Promise.all(Array.from({ length: 30 }, () => store.history("c1", 1)));
        await server.query(
          server.url,
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'memory'",
        );
        for (const events of await reading) expect(events).toEqual([stored]);
      }
      expect((await gateway.health()).status).toBe("ok");
    });

    test("a server that restarts: reads wait for it, writes say that they failed, and all goes on", async () => {
      const gateway = createGateway();
      const store = await gateway.open(alice);
      const stored = await store.append(newEvent("c1", "before"));
      await server.end("SIGINT");
      expect(await gateway.health()).toMatchObject({
        status: "failed",
        reason: expect.stringContaining("cannot be reached"),
      });
      const reading = store.history("c1", 5);
      await server.start();
      expect(await reading).toEqual([stored]);
      await store.append(newEvent("c1", "after"));
      expect((await store.history("c1", 5)).map(event => event.text)).toEqual(["before", "after"]);
      expect((await gateway.health()).status).toBe("ok");
    });

    test("a gateway starts while its database is away, and works when it is there", async () => {
      await server.end("SIGINT");
      const gateway = createGateway();
      await expect(gateway.open(alice)).rejects.toMatchObject({ code: "memory_failed" });
      expect((await gateway.health()).status).toBe("failed");
      await server.start();
      expect((await gateway.health()).status).toBe("ok");
      await (await gateway.open(alice)).append(newEvent("c1", "hello"));
    });

    test("a wrong password or database is named, and the password nowhere", async () => {
      const heard: string[] = [];
      for (const wrong of [
        url.replace(postgresPassword, `${postgresPassword}x`),
        url.replace(/memory$/, "nothing"),
        url.replace(/^postgres:/, "mysql:"),
        url.replace("127.0.0.1", "no-such-host.invalid"),
      ]) {
        const opening = (async () => createGateway({ url: wrong }).open(alice))();
        const error: unknown = await opening.catch((reason: unknown) => reason);
        heard.push(JSON.stringify(error), String(error instanceof Error && error.stack));
        expect(error).toMatchObject({ remedy: expect.any(String) });
      }
      expect(heard.join("\n")).toMatch(
        /refuses the user[\s\S]*does not exist[\s\S]*no URL of PostgreSQL/,
      );
      expect([...heard, ...lines].join("\n")).not.toContain(postgresPassword);
    });

    test("two engines on one database: any of them goes on with any conversation, and deletes it", async () => {
      const urlFile = join(server.folder, "..", "url");
      writeFileSync(urlFile, url);
      const config = { stores: { kind: "postgres" as const, urlFile } };
      const one = await startTestEngine({ config });
      const other = await startTestEngine({ config });
      const [first, second] = [one.ask, other.ask];
      try {
        const body = { model: "assistant", content: "My name is Zelmira." };
        const made = await first("/api/v1/conversations", { method: "POST" });
        const { id } = (await made.json()) as { id: string };
        const path = `/api/v1/conversations/${id}`;
        expect((await first(`${path}/turns`, { body })).status).toBe(200);
        const next = { model: "assistant", content: "What is my name?" };
        expect((await second(`${path}/turns`, { body: next })).status).toBe(200);
        expect(JSON.stringify(other.asked.at(-1)?.input)).toContain("Zelmira");
        const shown = await first(path);
        expect(((await shown.json()) as { events: number }).events).toBe(4);
        expect((await second(path, { method: "DELETE" })).status).toBe(200);
        expect((await first(path)).status).toBe(404);
      } finally {
        await one.stop();
        await other.stop();
      }
    });

    test("recall finds the same in the same order as over SQLite", async () => {
      const nowMs = 1_700_000_000_000;
      const folder = join(server.folder, "..", "sqlite");
      const options = () => ({ clock: createTestClock(nowMs), newId: createCountedIds() });
      const sqlite = createSqliteStores({ ...options(), folder });
      const postgres = createPostgresStores({ ...options(), url, log });
      open.push(sqlite, postgres);
      let found = 0;
      for (const seed of [21, 22]) {
        const both = await Promise.all(
          [sqlite, postgres].map(async stores => {
            const store = await stores.open({ tenant: "acme", subject: `person-${seed}` });
            const startMs = nowMs - 60 * 24 * 3_600_000;
            const questions = await tellHistory(store, { seed, conversations: 40, startMs });
            return { store, questions };
          }),
        );
        for (const { text } of both[0]?.questions ?? []) {
          const [first, second] = await Promise.all(
            both.map(({ store }) => recall(store, text, { tokensMax: 320, nowMs })),
          );
          expect(second, text).toEqual(first);
          found += first?.length ?? 0;
        }
      }
      expect(found).toBeGreaterThan(50);
    });

    test("a deletion leaves no row, is vacuumed in the background, and VACUUM FULL leaves no byte", async () => {
      const gateway = createGateway();
      const store = await gateway.open(alice);
      for (let index = 0; index < 50; index++) {
        await store.append(newEvent("gone-cnv", `zanzibarword${index} shared`));
        await store.append(newEvent("kept-cnv", `keptword${index} shared`));
      }
      expect(await store.deleteConversation("gone-cnv")).toEqual({ events: 50 });
      const waiting = "SELECT count(*)::int AS left FROM echorator.erasures";
      while ((await server.query(superUrl(), waiting))[0]?.left !== 0) await systemClock.sleep(20);
      expect(
        await server.query(
          superUrl(),
          "SELECT (SELECT count(*)::int FROM echorator.events) AS events, (SELECT count(*)::int FROM echorator.terms) AS terms, " +
            "(SELECT count(*)::int FROM echorator.postings) AS postings, (SELECT sum(events)::int FROM echorator.scopes) AS counted",
        ),
      ).toEqual([{ events: 50, terms: 52, postings: 150, counted: 50 }]);
      await server.query(superUrl(), "CHECKPOINT");
      const words = ["zanzibarword", "gone-cnv"];
      const before = findInFiles(server.folder, words);
      console.log(`bytes in PostgreSQL's files after VACUUM: ${before.join(", ") || "none"}`);
      const names = tables.map(name => `echorator.${name}`).join(", ");
      await server.query(superUrl(), `VACUUM FULL ${names}`);
      await server.query(superUrl(), "CHECKPOINT");
      expect(findInFiles(server.folder, words)).toEqual([]);
      expect(findInFiles(server.folder, ["keptword"])).toEqual(["keptword"]);
      expect((await store.history("kept-cnv", 100)).length).toBe(50);
    });
  });
});

/** Which of the words stand in the files of tables and indexes (the log of what was written is another matter). */
function findInFiles(folder: string, words: readonly string[]): string[] {
  const base = join(folder, "base");
  const bytes = readdirSync(base, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => readFileSync(join(entry.parentPath, entry.name)));
  return words.filter(word => bytes.some(data => data.includes(word)));
}
