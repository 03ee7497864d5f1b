/** The PostgreSQL store passes the suite of stores on PostgreSQL in this process; and what a server can say. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createPostgresStores } from "../../../engine/stores/postgres.ts";
import { toStoreError } from "../../../engine/stores/postgres-errors.ts";
import type { Store, Stores } from "../../../engine/stores/store.ts";
import {
  createCountedIds,
  createTestClock,
  describeStore,
  newEvent,
} from "../../conformance/store.ts";
import { createKeptLog } from "../../support/kept-log.ts";
import { type PgliteServer, startPglite } from "../../support/pglite-server.ts";

let server: PgliteServer;
beforeAll(async () => {
  server = await startPglite();
}, 60_000);
afterAll(() => server.stop());

const empty = () => server.database.exec("DROP SCHEMA IF EXISTS echorator CASCADE");

describeStore("postgres", async options => {
  await empty();
  return createPostgresStores({ ...options, url: server.url, log: createKeptLog().log });
});

describe("postgres, when the server refuses", () => {
  let stores: Stores;
  let store: Store;

  beforeEach(async () => {
    await empty();
    const { log } = createKeptLog();
    const options = { clock: createTestClock(), newId: createCountedIds() };
    stores = createPostgresStores({ ...options, url: server.url, log });
    store = await stores.open({ tenant: "acme", subject: "alice" });
  });
  afterEach(() => stores.close());

  /** Events with this word are answered with that SQLSTATE. */
  const refuse = (word: string, code: string) =>
    server.database.exec(
      "CREATE OR REPLACE FUNCTION echorator.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " +
        `IF position('${word}'::bytea in NEW.body) > 0 THEN RAISE EXCEPTION 'no' USING ERRCODE = '${code}'; END IF; ` +
        "RETURN NEW; END $$; " +
        "CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON echorator.events FOR EACH ROW EXECUTE FUNCTION echorator.refuse()",
    );

  test("a full disk says so, keeps what it has, and is over when there is room", async () => {
    await store.append(newEvent("c1", "kept"));
    await refuse("large", "53100");
    await expect(store.append(newEvent("c1", "large"))).rejects.toMatchObject({
      code: "disk_full",
    });
    expect(await stores.health()).toMatchObject({ status: "degraded" });
    expect((await store.history("c1", 9)).map(event => event.text)).toEqual(["kept"]);
    expect(await store.frequencies(["large"])).toEqual(new Map());
    await store.append(newEvent("c1", "small"));
    expect((await stores.health()).status).toBe("ok");
  });

  test("one event that is refused fails alone, whatever waited beside it", async () => {
    await refuse("bad", "22000");
    const other = await stores.open({ tenant: "acme", subject: "bob" });
    const outcomes = await Promise.allSettled(
      ["one", "two", "bad", "three"].flatMap(text => [
        store.append(newEvent("c1", text)),
        other.append(newEvent("c1", `${text} of another`)),
      ]),
    );
    expect(outcomes.map(outcome => outcome.status)).toEqual(
      ["one", "two", "bad", "three"].flatMap(text =>
        text === "bad" ? ["rejected", "rejected"] : ["fulfilled", "fulfilled"],
      ),
    );
    expect((await store.history("c1", 9)).map(event => event.text)).toEqual([
      "one",
      "two",
      "three",
    ]);
    expect((await other.statistics()).events).toBe(3);
  });

  test.each([
    ["57014", "overloaded", /more to do/],
    ["40P01", "overloaded", /more to do/],
    ["53300", "overloaded", /more to do/],
    ["53100", "disk_full", /no space left/],
    ["25006", "memory_failed", /read-only/],
    ["28P01", "memory_failed", /refuses the user/],
    ["42501", "memory_failed", /lacks a right/],
    ["XX001", "memory_failed", /damaged/],
    ["08006", "memory_failed", /cannot be reached/],
    ["ECONNREFUSED", "memory_failed", /cannot be reached \(ECONNREFUSED\)/],
    ["23505", "memory_failed", /\(23505\)/],
  ])("%s is %s, without what the server quotes", (code, meant, sentence) => {
    const said = Object.assign(new Error('Failing row contains ("a secret text")'), { code });
    const error = toStoreError(said);
    expect(error).toMatchObject({ code: meant, message: expect.stringMatching(sentence) });
    expect(JSON.stringify(error) + (error as Error).stack).not.toContain("secret");
    expect((error as Error).cause).toBeUndefined();
  });
});
