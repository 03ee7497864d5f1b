/** The SQLite store passes the suite of stores; and what only files can go through. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSeededRandom, randomText } from "../../../engine/kit/random.ts";
import { createSqliteStores } from "../../../engine/stores/sqlite.ts";
import type { Stores } from "../../../engine/stores/store.ts";
import {
  createCountedIds,
  createTestClock,
  describeStore,
  newEvent,
  type StoresOptions,
} from "../../conformance/store.ts";
import { asOrdinaryUser } from "../../support/ordinary-user.ts";

const root = mkdtempSync(join(tmpdir(), "echorator-sqlite-"));
let count = 0;
function newFolder(): string {
  count += 1;
  return join(root, `memory-${count}`);
}
afterAll(() => rmSync(root, { recursive: true, force: true }));

describeStore("sqlite", options => createSqliteStores({ ...options, folder: newFolder() }));

const scope = { tenant: "acme", subject: "alice" };

/**
 * Which of the words stand in the bytes of the folder's files. Read by another process: closing a file that SQLite has
 * open in the same process would give up its locks.
 */
function findInFiles(folder: string, words: readonly string[]): string[] {
  const script =
    "const fs=require('fs');const [folder,...words]=JSON.parse(fs.readFileSync(0,'utf8'));" +
    "const bytes=fs.readdirSync(folder).map(name=>fs.readFileSync(folder+'/'+name));" +
    "console.log(JSON.stringify(words.filter(word=>bytes.some(b=>b.includes(word)))))";
  const input = JSON.stringify([folder, ...words]);
  return JSON.parse(execFileSync(process.execPath, ["-e", script], { input }).toString());
}

describe("sqlite files", () => {
  let folder: string;
  let options: StoresOptions & { folder: string };
  let stores: Stores;
  const open = () => {
    stores = createSqliteStores(options);
    return stores.open(scope);
  };

  beforeEach(() => {
    folder = newFolder();
    options = { folder, clock: createTestClock(), newId: createCountedIds() };
  });
  afterEach(() => stores?.close());

  test("are private, and one a tenant", async () => {
    await open();
    await stores.open({ tenant: "globex", subject: "bob" });
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const files = readdirSync(folder).filter(name => name.includes(".sqlite"));
    expect(files).toContain("acme.sqlite");
    expect(files).toContain("globex.sqlite");
    for (const name of readdirSync(folder).filter(name => !name.startsWith("lock")))
      expect(statSync(join(folder, name)).mode & 0o777, name).toBe(0o600);
  });

  test("hold everything over a restart", async () => {
    const store = await open();
    const stored = await store.append(newEvent("c1", "My name is Zelmira."));
    await stores.close();
    const again = await open();
    expect(await again.history("c1", 10)).toEqual([stored]);
    expect(await again.frequencies(["zelmira"])).toEqual(new Map([["zelmira", 1]]));
  });

  test("keep no byte of an erased conversation, whatever was erased around it", async () => {
    const random = createSeededRandom(7);
    const word = () => randomText(random, "abcdefghijklmnopqrstuvwxyz", 14);
    const store = await open();
    const told = new Map<string, string[]>();
    for (let index = 0; index < 40; index++) {
      const id = `cnv_${word()}`;
      told.set(id, [id]);
    }
    // Turn by turn over all conversations, so that each page holds something of many.
    for (let turn = 0; turn < 4; turn++)
      await Promise.all(
        [...told].map(async ([id, secrets]) => {
          const own = Array.from({ length: 80 }, word);
          const filler = "the same words again and again ".repeat(Math.floor(random() * 100));
          const stored = await store.append(newEvent(id, `${own.join(" ")} ${filler}`));
          secrets.push(...own, stored.id);
        }),
      );
    const order = [...told.keys()].sort(() => random() - 0.5);
    const gone: string[] = [];
    for (const [index, id] of order.slice(0, 8).entries()) {
      expect(await store.deleteConversation(id)).toEqual({ events: 4 });
      gone.push(...(told.get(id) ?? []));
      if (index % 4 === 3) expect(findInFiles(folder, gone)).toEqual([]);
    }
    const last = told.get(order[8] ?? "") ?? [];
    expect(findInFiles(folder, last)).toEqual(last);
  });

  test("more tenants than may be open at once are served all the same", async () => {
    stores = createSqliteStores({ ...options, tenantsOpenMax: 2 });
    const names = ["a", "b", "c", "d", "e"];
    const handles = await Promise.all(names.map(tenant => stores.open({ tenant, subject: "s" })));
    await Promise.all(
      handles.flatMap(handle =>
        Array.from({ length: 10 }, (_, index) => handle.append(newEvent("c1", `text ${index}`))),
      ),
    );
    for (const handle of handles)
      expect((await handle.history("c1", 20)).map(event => event.text)).toHaveLength(10);
    expect((await stores.health()).status).toBe("ok");
    const open = readdirSync(folder).filter(name => name.endsWith("-wal"));
    expect(open.length).toBeLessThanOrEqual(2);
  });

  test("a tenant that is opened and closed again and again at once is always there", async () => {
    stores = createSqliteStores({ ...options, tenantsOpenMax: 1 });
    const names = ["a", "b", "c"];
    const handles = await Promise.all(names.map(tenant => stores.open({ tenant, subject: "s" })));
    const random = createSeededRandom(11);
    const begun = Array.from({ length: 300 }, async (_, index) => {
      for (let turns = Math.floor(random() * 6); turns > 0; turns--) await nextTurn();
      const handle = handles[Math.floor(random() * handles.length)];
      await handle?.append(newEvent("c1", `text ${index}`));
      await handle?.history("c1", 1);
    });
    const ended = await Promise.allSettled(begun);
    expect(ended.filter(end => end.status === "rejected")).toEqual([]);
  });

  test("two engines on one folder: the second is told who has it", async () => {
    await open();
    const script =
      `import { createSqliteStores } from ${JSON.stringify(join(process.cwd(), "engine/stores/sqlite.ts"))};` +
      `try { createSqliteStores({ folder: ${JSON.stringify(folder)}, clock: { now: () => 0 }, newId: () => "" }); }` +
      "catch (error) { console.log(error.code, error.message); }";
    const said = execFileSync(process.execPath, ["--input-type=module", "-e", script]).toString();
    expect(said).toContain("memory_failed");
    expect(said).toContain(`process id ${process.pid}`);
    expect(() => createSqliteStores(options)).toThrow(/in use by the engine with process id/);
  });

  test("a full disk says so, loses nothing, and is over when there is room", async () => {
    await open();
    await stores.close();
    stores = createSqliteStores({ ...options, tenantBytesMax: 200_000 });
    const store = await stores.open(scope);
    const kept: string[] = [];
    const fill = async () => {
      for (let index = 0; index < 100; index++) {
        await store.append(newEvent(`c${index}`, `w${index} ${"filling ".repeat(1000)}`));
        kept.push(`c${index}`);
      }
    };
    await expect(fill()).rejects.toMatchObject({ code: "disk_full" });
    expect(kept.length).toBeGreaterThan(3);
    expect(await stores.health()).toMatchObject({ status: "degraded" });
    expect((await store.conversations({ limit: 100 })).map(({ id }) => id)).toEqual(
      kept.toReversed(),
    );
    expect(await store.deleteConversation("c0")).toEqual({ events: 1 });
    await store.append(newEvent("c1", "small"));
    expect((await stores.health()).status).toBe("ok");
  });

  test.each([
    ["text", () => Buffer.from("This is no database.".repeat(1000))],
    [
      "a damaged page",
      (good: Buffer) =>
        Buffer.concat([good.subarray(0, 4096), Buffer.alloc(good.length - 4096, 0xa5)]),
    ],
    ["a truncated file", (good: Buffer) => good.subarray(0, 4096 * 2)],
  ])("%s instead of a database is reported and left as it is", async (_, spoil) => {
    const store = await open();
    await store.append(newEvent("c1", "hello"));
    await stores.close();
    const path = join(folder, "acme.sqlite");
    const bad = spoil(readFileSync(path));
    writeFileSync(path, bad);
    await expect(open()).rejects.toMatchObject({
      code: "memory_failed",
      message: expect.stringContaining("acme.sqlite"),
    });
    expect(await stores.health()).toMatchObject({
      status: "failed",
      reason: expect.stringContaining("acme.sqlite"),
    });
    const other = await stores.open({ tenant: "globex", subject: "bob" });
    await other.append(newEvent("c1", "another tenant is not touched by it"));
    await stores.close();
    expect(readFileSync(path).equals(bad)).toBe(true);
  });

  test("a database of another program, or of the future, is left alone", async () => {
    const make = (name: string, sql: string) =>
      execFileSync(process.execPath, [
        "-e",
        `new (require("node:sqlite").DatabaseSync)(${JSON.stringify(join(folder, name))}).exec(${JSON.stringify(sql)})`,
      ]);
    await open();
    make("foreign.sqlite", "CREATE TABLE notes (a)");
    await expect(stores.open({ tenant: "foreign", subject: "a" })).rejects.toMatchObject({
      code: "memory_failed",
    });
    await stores.close();
    make("acme.sqlite", "PRAGMA user_version = 999");
    await expect(open()).rejects.toThrow(/newer Echorator/);
  });

  test("a file that may not be written is named", async () => {
    await open();
    await stores.close();
    chmodSync(join(folder, "acme.sqlite"), 0o400);
    await asOrdinaryUser(root, async () => {
      await expect(open()).rejects.toThrow(/acme\.sqlite cannot be opened for writing/);
    });
  });

  test("a folder that cannot be made is named", () => {
    const file = join(root, "a-file");
    writeFileSync(file, "");
    expect(() => createSqliteStores({ ...options, folder: join(file, "memory") })).toThrow(
      /cannot be made/,
    );
    expect(existsSync(file)).toBe(true);
  });

  test("an erasure that another program's reading holds up says so and is made good", async () => {
    const store = await open();
    await store.append(newEvent("c1", "zanzibarian"));
    await store.append(newEvent("c2", "kept"));
    const reader = new DatabaseSync(join(folder, "acme.sqlite"));
    reader.exec("BEGIN");
    reader.prepare("SELECT count(*) FROM events").get();
    await expect(store.deleteConversation("c1")).rejects.toMatchObject({ code: "memory_failed" });
    expect(await store.conversation("c1")).toBeUndefined();
    reader.exec("COMMIT");
    reader.close();
    expect(await store.deleteConversation("c1")).toBeUndefined();
    expect(findInFiles(folder, ["zanzibarian"])).toEqual([]);
    expect((await stores.health()).status).toBe("ok");
  });

  test("an erasure that a crash cut short is finished at the next opening", async () => {
    const store = await open();
    await store.append(newEvent("c1", "zanzibarian"));
    await store.append(newEvent("c2", "kept"));
    await stores.close();
    // As a crash between the commit and the rewriting leaves it, with bytes still in the file.
    const path = join(folder, "acme.sqlite");
    const sql =
      "PRAGMA secure_delete = OFF; DELETE FROM events WHERE text = 'zanzibarian'; " +
      "DELETE FROM terms WHERE term = 'zanzibarian'; INSERT INTO erasures DEFAULT VALUES";
    execFileSync(process.execPath, [
      "-e",
      `new (require("node:sqlite").DatabaseSync)(${JSON.stringify(path)}).exec(${JSON.stringify(sql)})`,
    ]);
    expect(findInFiles(folder, ["zanzibarian"])).toEqual(["zanzibarian"]);
    const again = await open();
    expect(findInFiles(folder, ["zanzibarian"])).toEqual([]);
    expect((await again.history("c2", 1))[0]?.text).toBe("kept");
  });
});
