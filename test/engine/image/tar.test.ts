/** The tar writer, read back by the tar of this machine. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { sortEntries, type TarEntry, writeTar } from "../../../engine/image/tar.ts";

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "echorator-tar-"));
  folders.push(folder);
  return folder;
}

function text(path: string, content = path, mode = 0o644): TarEntry {
  return { path, mode, content: { kind: "bytes", bytes: Buffer.from(content) } };
}

function toBytes(entries: readonly TarEntry[]): Promise<Buffer> {
  return buffer(Readable.from(writeTar(entries)));
}

async function unpack(entries: readonly TarEntry[]): Promise<string> {
  const folder = makeFolder();
  execFileSync("tar", ["-xf", "-", "-C", folder, "--no-same-owner", "-p"], {
    input: await toBytes(entries),
  });
  return folder;
}

test("files, folders, links and modes come back", async () => {
  const source = join(makeFolder(), "source");
  writeFileSync(source, "x".repeat(3_000_000));
  const folder = await unpack(
    sortEntries([
      text("b/run", "#!", 0o755),
      { path: "b/big", mode: 0o600, content: { kind: "file", source } },
      { path: "a/link", mode: 0o777, content: { kind: "link", target: "../b/run" } },
      { path: "tmp", mode: 0o1777, content: { kind: "folder" } },
      text("empty", ""),
    ]),
  );
  expect(readFileSync(join(folder, "a/link"), "utf8")).toBe("#!");
  expect(readlinkSync(join(folder, "a/link"))).toBe("../b/run");
  expect(statSync(join(folder, "b/run")).mode & 0o777).toBe(0o755);
  expect(statSync(join(folder, "b/big"))).toMatchObject({ size: 3_000_000, mtimeMs: 0 });
  expect(statSync(join(folder, "tmp")).mode & 0o7777).toBe(0o1777);
  expect(statSync(join(folder, "empty")).size).toBe(0);
});

const long = "n".repeat(60);

test.each([
  ["in one field", "n".repeat(100)],
  ["in two fields", `${long}/${long}/${long}`],
  ["longer than both", `${long}/${long}/${long}/${long}/${long}`],
  ["a name longer than a field", "n".repeat(200)],
  ["not in ASCII", `${"ä".repeat(60)}/${"日".repeat(40)}`],
])("a path comes back: %s", async (_, path) => {
  const folder = await unpack(sortEntries([text(path)]));
  expect(readFileSync(join(folder, path), "utf8")).toBe(path);
});

test("a long target of a link comes back", async () => {
  const target = `${long}/${long}/${long}`;
  const folder = await unpack([{ path: "link", mode: 0o777, content: { kind: "link", target } }]);
  expect(readlinkSync(join(folder, "link"))).toBe(target);
});

test("the bytes depend on the entries, not on their order", async () => {
  const entries = [text("b/c"), text("a"), text("b/a/x"), text("b.d")];
  const forwards = await toBytes(sortEntries(entries));
  expect(await toBytes(sortEntries(entries.toReversed()))).toEqual(forwards);
  expect(forwards.length % 512).toBe(0);
});

test("folders that lead to a file are there, once, and an own mode wins", () => {
  const sorted = sortEntries([
    text("a/b/c"),
    { path: "a", mode: 0o700, owner: 7, content: { kind: "folder" } },
  ]);
  expect(sorted.map(entry => [entry.path, entry.mode, entry.owner ?? 0])).toEqual([
    ["a", 0o700, 7],
    ["a/b", 0o755, 0],
    ["a/b/c", 0o644, 0],
  ]);
});

test("a path that is there twice is refused", () => {
  expect(() => sortEntries([text("a"), text("a", "other")])).toThrow("a is there twice");
});
