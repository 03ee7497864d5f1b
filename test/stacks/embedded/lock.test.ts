/** Locks of a stack: one holder, dead holders are taken over, others are named. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { identify } from "../../../components/local/process-identity.ts";
import { takeLock } from "../../../stacks/embedded/lock.ts";

let root: string;
let folder: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "echorator-lock-"));
  folder = join(root, "stack");
});
afterEach(() => rmSync(root, { recursive: true }));

/** A lock as the CLI writes it, with what the test says. */
function leaveLock(name: string, more: object): void {
  const holder = {
    pid: process.pid,
    username: "u",
    hostname: hostname(),
    timestamp: "2026-01-01T00:00:00Z",
  };
  writeFileSync(join(folder, name), JSON.stringify({ ...holder, ...more }));
}

function deadPid(): number {
  return spawnSync(process.execPath, ["--version"]).pid;
}

test("is held once and can be taken again after its release", () => {
  const lock = takeLock(folder, "local");
  expect(() => takeLock(folder, "local")).toThrow(`process ${process.pid}`);
  lock.release();
  takeLock(folder, "local").release();
  expect(readdirSync(root)).toEqual(["stack"]);
});

test.each(["embedded.json", "0b4c.json"])(
  "%s of a dead process is taken over, which is said",
  name => {
    takeLock(folder, "local").release();
    leaveLock(name, { pid: deadPid() });
    writeFileSync(join(folder, `${name}.attrs`), "{}");
    const lock = takeLock(folder, "local");
    expect(lock.notices).toEqual([expect.stringContaining("took over the lock of process")]);
    lock.release();
    expect(readdirSync(folder)).toEqual([]);
  },
);

test("a pid that another process has by now is dead as well", () => {
  takeLock(folder, "local").release();
  leaveLock("embedded.json", { processStart: "some other boot:1" });
  expect(takeLock(folder, "local").notices).toHaveLength(1);
});

test("a lock of another machine, a live one and an unreadable one are left alone", () => {
  takeLock(folder, "local").release();
  leaveLock("x.json", { pid: 1, hostname: "elsewhere" });
  expect(() => takeLock(folder, "local")).toThrow("on elsewhere");
  leaveLock("x.json", { processStart: identify(process.pid)?.startTime });
  expect(() => takeLock(folder, "local")).toThrow(`process ${process.pid}`);
  writeFileSync(join(folder, "x.json"), "");
  expect(() => takeLock(folder, "local")).toThrow("cannot be read");
  expect(readdirSync(folder)).toEqual(["x.json"]);
});
