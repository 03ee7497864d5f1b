/** What the reader says of ELF files: this machine's Node against ldd, and a made-up file in small folders. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { closeLibraries, readElf } from "../../../engine/image/elf.ts";

const folders: string[] = [];
const machine = process.arch === "arm64" ? "aarch64" : "x86_64";

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "echorator-elf-"));
  folders.push(folder);
  return folder;
}

/** The least of a library that asks for others: a header, two segments, a dynamic section and its names. */
function makeElf(needed: readonly string[], machineNumber = 62): Buffer {
  const names = Buffer.from(`\0${needed.join("\0")}\0`);
  const [dynamicAt, namesAt] = [256, 1024];
  const bytes = Buffer.alloc(namesAt + names.length);
  bytes.write("\u007fELF\u0002\u0001\u0001", 0, "latin1");
  bytes.writeUInt16LE(machineNumber, 18);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(2, 56);
  // The addresses are not the offsets, as in real files.
  const shift = 0x400000;
  const segment = (at: number, type: number, offset: number, size: number) => {
    bytes.writeUInt32LE(type, at);
    bytes.writeBigUInt64LE(BigInt(offset), at + 8);
    bytes.writeBigUInt64LE(BigInt(offset + shift), at + 16);
    bytes.writeBigUInt64LE(BigInt(size), at + 32);
  };
  segment(64, 1, 0, bytes.length);
  segment(120, 2, dynamicAt, (needed.length + 2) * 16);
  let at = dynamicAt;
  const dynamic = (tag: bigint, value: number) => {
    bytes.writeBigInt64LE(tag, at);
    bytes.writeBigUInt64LE(BigInt(value), at + 8);
    at += 16;
  };
  let offset = 1;
  for (const name of needed) {
    dynamic(1n, offset);
    offset += name.length + 1;
  }
  dynamic(5n, namesAt + shift);
  names.copy(bytes, namesAt);
  return bytes;
}

test("a made-up library says what it needs; other files are none", () => {
  expect(readElf(makeElf(["liba.so.1", "libb.so"]))).toEqual({
    machine: "x86_64",
    interpreter: undefined,
    needed: ["liba.so.1", "libb.so"],
  });
  expect(readElf(makeElf([], 183))?.machine).toBe("aarch64");
  expect(readElf(Buffer.from("#!/bin/sh\n"))).toBeUndefined();
  expect(readElf(Buffer.alloc(0))).toBeUndefined();
});

test("libraries of libraries are found, in the first root that has them, for the right machine", () => {
  const [root, other] = [makeFolder(), makeFolder()];
  mkdirSync(join(root, "lib"));
  mkdirSync(join(other, "usr/lib"), { recursive: true });
  const program = join(root, "program.node");
  writeFileSync(program, makeElf(["liba.so.1", "libbeside.so", "libgone.so"]));
  writeFileSync(join(root, "libbeside.so"), makeElf([]));
  writeFileSync(join(root, "lib/liba.so.1"), makeElf(["libb.so"], 183));
  writeFileSync(join(other, "usr/lib/liba.so.1"), makeElf(["libb.so"]));
  writeFileSync(join(other, "usr/lib/libb.so"), makeElf(["liba.so.1"]));
  const files = [program, join(root, "libbeside.so")];
  const closure = closeLibraries(files, { machine: "x86_64", roots: [root, other] });
  expect(closure.found).toEqual([
    { name: "liba.so.1", source: join(other, "usr/lib/liba.so.1") },
    { name: "libb.so", source: join(other, "usr/lib/libb.so") },
  ]);
  expect(closure.missing).toEqual([{ name: "libgone.so", neededBy: "program.node" }]);
});

test.runIf(process.platform === "linux")("this Node's libraries are those that ldd names", () => {
  const closure = closeLibraries([process.execPath], { machine, roots: ["/"] });
  const named = execFileSync("ldd", [process.execPath], { encoding: "utf8" });
  const wanted = [...named.matchAll(/^\s*(\S+) => (\S+)/gm)].map(match => [
    match[1],
    realpathSync(match[2] ?? ""),
  ]);
  expect(closure.missing).toEqual([]);
  expect(closure.found.map(({ name, source }) => [name, source])).toEqual(wanted.sort());
  expect(named).toContain(basename(closure.interpreter?.path ?? "none"));
  expect(readElf(readFileSync(closure.interpreter?.source ?? ""))?.machine).toBe(machine);
});
