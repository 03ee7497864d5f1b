/** Reading the machine: processes, ports, the home's key, claim and log. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readLines } from "../../../components/local/admin-client.ts";
import { ensureAdminKey } from "../../../components/local/admin-key.ts";
import { claim, release } from "../../../components/local/claim.ts";
import {
  describeHolder,
  findHolders,
  listeningInodes,
  probePort,
} from "../../../components/local/ports.ts";
import { identify, isAlive, parseStartTicks } from "../../../components/local/process-identity.ts";
import { createRotatingLog } from "../../../components/local/rotating-log.ts";
import { withoutStackModels } from "../../../components/local/stack-models.ts";
import { readRecord, recordPath } from "../../../components/local/supervisor-record.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "echorator-machine-"));
  mkdirSync(join(home, "run"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

test("a process is known by its pid and its start time", () => {
  const self = identify(process.pid)!;
  expect(isAlive(self)).toBe(true);
  expect(isAlive({ ...self, startTime: "another" })).toBe(false);
  expect(identify(0)).toBeUndefined();
});

test("a start time is found behind a command with blanks and brackets; what has ended has none", () => {
  const rest = `${"1 ".repeat(18)}4711 0`;
  expect(parseStartTicks(`7 (a) b (c) S ${rest}`)).toBe("4711");
  expect(parseStartTicks(`7 (node) Z ${rest}`)).toBeUndefined();
});

test("a port is free, or in use by a process with a name", async () => {
  const server = createServer();
  const port = await new Promise<number>(resolve => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
  expect(await probePort("127.0.0.1", port)).toBe("in-use");
  expect(await findHolders(port)).toEqual([process.pid]);
  expect(describeHolder([process.pid])).toMatch(/^process \d+ \(.*node.*\)$/);
  await new Promise(resolve => server.close(resolve));
  expect(await probePort("127.0.0.1", port)).toBe("free");
  expect(await probePort("192.0.2.1", port)).toBe("no-such-address");
});

test("listening sockets are read from the kernel's table", () => {
  const table = [
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
    "   0: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 42 1 0",
    "   1: 0100007F:1388 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 43 1 0",
    "   2: 0100007F:1389 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 44 1 0",
  ].join("\n");
  expect(listeningInodes(table, 5000)).toEqual(["42"]);
});

test("the admin key is made once", () => {
  const key = ensureAdminKey(home);
  expect(key).toMatch(/^[\w-]{43}$/);
  expect(ensureAdminKey(home)).toBe(key);
  expect(readFileSync(join(home, "admin.key"), "utf8")).toBe(key);
});

test("a home is claimed by one live process, and taken over from a dead one", () => {
  const self = identify(process.pid)!;
  claim(home, self);
  expect(() => claim(home, self)).toThrow(`process ${process.pid}`);
  release(home);
  claim(home, { ...self, startTime: "dead" });
  claim(home, self);
  release(home);
  expect(existsSync(join(home, "run", "supervisor.claim"))).toBe(false);
});

test("a log begins anew before it grows beyond its bound, and keeps so many", () => {
  const file = join(home, "engine.log");
  const log = createRotatingLog(file);
  const chunk = Buffer.alloc(6 * 1024 * 1024, "a");
  for (let index = 0; index < 7; index++) log.write(chunk);
  log.close();
  const kept = ["", ".1", ".2", ".3", ".4", ".5"].filter(suffix => existsSync(`${file}${suffix}`));
  expect(kept).toEqual(["", ".1", ".2", ".3", ".4"]);
});

test("a record that is no record is none", () => {
  expect(readRecord(home)).toBeUndefined();
  for (const text of ["", "{", "null", "[]", '{"home":"/x"}']) {
    writeFileSync(recordPath(home), text);
    expect(readRecord(home)).toBeUndefined();
  }
});

test("lines come whole out of pieces", async () => {
  const bytes = Buffer.from('{"ä":1}\n\n{"b":2}\nrest');
  async function* pieces() {
    for (let index = 0; index < bytes.length; index += 3) yield bytes.subarray(index, index + 3);
  }
  const lines: string[] = [];
  for await (const line of readLines(pieces())) lines.push(line);
  expect(lines).toEqual(['{"ä":1}', '{"b":2}', "rest"]);
});

test("models of the stack leave the record, clients' stay, and what is not understood is left alone", () => {
  const record = { models: [{ owner: "client", spec: { name: "a" } }, { owner: "stack" }] };
  expect(JSON.parse(withoutStackModels(JSON.stringify(record))!)).toEqual({
    models: [{ owner: "client", spec: { name: "a" } }],
  });
  expect(withoutStackModels('{"models":[]}')).toBe('{"models":[]}');
  for (const text of ["", "{", "[]", "7"]) expect(withoutStackModels(text)).toBeUndefined();
});
