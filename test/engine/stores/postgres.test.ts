/** The PostgreSQL store passes the suite of stores, on PostgreSQL in this process; and what only a shared database can go through. */
import { afterAll, beforeAll } from "vitest";
import { createPostgresStores } from "../../../engine/stores/postgres.ts";
import { describeStore } from "../../conformance/store.ts";
import { createKeptLog } from "../../support/kept-log.ts";
import { type PgliteServer, startPglite } from "../../support/pglite-server.ts";

let server: PgliteServer;
beforeAll(async () => {
  server = await startPglite();
});
afterAll(() => server.stop());

describeStore("postgres", async options => {
  await server.database.exec("DROP SCHEMA IF EXISTS echorator CASCADE");
  return createPostgresStores({ ...options, url: server.url, log: createKeptLog().log });
});
