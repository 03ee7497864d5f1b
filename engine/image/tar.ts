/** A tar archive as a stream of bytes that depends on its entries alone: no clocks, no users, no order of a disk. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";

export interface TarEntry {
  /** From the root, without a slash at either end. */
  path: string;
  mode: number;
  /** User and group; 0 when absent. */
  owner?: number;
  content: TarContent;
}

export type TarContent =
  | { kind: "folder" }
  | { kind: "link"; target: string }
  | { kind: "bytes"; bytes: Uint8Array }
  | { kind: "file"; source: string };

const block = 512;
const typeFlags = { folder: "5", link: "2", bytes: "0", file: "0" } as const;
/** Of the two fields of a ustar header that hold a path. */
const nameBytes = 100;
const prefixBytes = 155;

/** The entries as they are given; sortEntries makes their order a matter of their names. */
export async function* writeTar(entries: readonly TarEntry[]): AsyncGenerator<Uint8Array> {
  for (const entry of entries) {
    const size = await sizeOf(entry.content);
    yield header(entry, size);
    let written = 0;
    for await (const chunk of bytesOf(entry.content)) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== size) throw new Error(`${entry.path} changed while it was being written`);
    yield new Uint8Array(padding(size));
  }
  yield new Uint8Array(2 * block);
}

/** Sorted by path, with the folders that lead to them; what is said twice must be the same. */
export function sortEntries(entries: readonly TarEntry[]): TarEntry[] {
  const byPath = new Map<string, TarEntry>();
  for (const entry of entries) {
    for (const folder of foldersOf(entry.path))
      if (!byPath.has(folder))
        byPath.set(folder, { path: folder, mode: 0o755, content: { kind: "folder" } });
    if (byPath.has(entry.path) && entry.content.kind !== "folder")
      throw new Error(`${entry.path} is there twice`);
    byPath.set(entry.path, entry);
  }
  return [...byPath.values()].sort((left, right) =>
    Buffer.compare(Buffer.from(left.path), Buffer.from(right.path)),
  );
}

function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

async function sizeOf(content: TarContent): Promise<number> {
  if (content.kind === "bytes") return content.bytes.length;
  return content.kind === "file" ? (await stat(content.source)).size : 0;
}

async function* bytesOf(content: TarContent): AsyncGenerator<Uint8Array> {
  if (content.kind === "bytes") yield content.bytes;
  if (content.kind === "file")
    yield* createReadStream(content.source, { highWaterMark: 1024 * 1024 });
}

function padding(size: number): number {
  return (block - (size % block)) % block;
}

function header(entry: TarEntry, size: number): Uint8Array {
  const path = entry.content.kind === "folder" ? `${entry.path}/` : entry.path;
  const target = entry.content.kind === "link" ? entry.content.target : "";
  const place = splitPath(path);
  const records = [
    ...(place === undefined ? [paxRecord("path", path)] : []),
    ...(Buffer.byteLength(target) > nameBytes ? [paxRecord("linkpath", target)] : []),
  ];
  const own = ustarHeader({
    ...(place ?? { prefix: "", name: cut(path) }),
    mode: entry.mode,
    owner: entry.owner ?? 0,
    size,
    type: typeFlags[entry.content.kind],
    target: cut(target),
  });
  return records.length === 0 ? own : Buffer.concat([paxHeader(records), own]);
}

/** What ustar's two fields cannot hold comes in a record of its own before the entry. */
function paxHeader(records: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(records);
  const head = ustarHeader({
    prefix: "",
    name: "pax",
    mode: 0o644,
    owner: 0,
    size: body.length,
    type: "x",
    target: "",
  });
  return Buffer.concat([head, body, new Uint8Array(padding(body.length))]);
}

/** `LENGTH key=value\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string): Uint8Array {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest;
  while (length !== rest + String(length).length) length = rest + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

function splitPath(path: string): { prefix: string; name: string } | undefined {
  if (Buffer.byteLength(path) <= nameBytes) return { prefix: "", name: path };
  for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (name === "" || Buffer.byteLength(prefix) > prefixBytes) return undefined;
    if (Buffer.byteLength(name) <= nameBytes) return { prefix, name };
  }
  return undefined;
}

function cut(text: string): string {
  return Buffer.from(text).subarray(0, nameBytes).toString("latin1");
}

interface UstarFields {
  prefix: string;
  name: string;
  mode: number;
  owner: number;
  size: number;
  type: string;
  target: string;
}

function ustarHeader(fields: UstarFields): Uint8Array {
  const head = Buffer.alloc(block);
  head.write(fields.name, 0, nameBytes, "utf8");
  head.write(octal(fields.mode, 7), 100);
  head.write(octal(fields.owner, 7), 108);
  head.write(octal(fields.owner, 7), 116);
  head.write(octal(fields.size, 11), 124);
  head.write(octal(0, 11), 136);
  head.write(" ".repeat(8), 148);
  head.write(fields.type, 156);
  head.write(fields.target, 157, nameBytes, "utf8");
  head.write("ustar\u000000", 257);
  head.write(octal(0, 7), 329);
  head.write(octal(0, 7), 337);
  head.write(fields.prefix, 345, prefixBytes, "utf8");
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${octal(sum, 6)}\u0000 `, 148);
  return head;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
