/** What an ELF file asks of the loader (its interpreter and libraries), and where those are on this machine. */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join, posix } from "node:path";

export interface ElfFacts {
  /** As uname says it: x86_64, aarch64. */
  machine: string;
  /** Program that loads it, such as /lib64/ld-linux-x86-64.so.2; a library has none. */
  interpreter: string | undefined;
  /** Names of the libraries that it cannot do without. */
  needed: string[];
}

const machines: Record<number, string> = { 62: "x86_64", 183: "aarch64" };
const [loadSegment, dynamicSegment, interpreterSegment] = [1, 2, 3];
const [tagNeeded, tagStringTable] = [1n, 5n];

interface Segment {
  type: number;
  offset: number;
  address: number;
  size: number;
}

/** Undefined when `bytes` are no 64-bit little-endian ELF file. */
export function readElf(bytes: Buffer): ElfFacts | undefined {
  if (bytes.length < 64 || bytes.toString("latin1", 0, 6) !== "\u007fELF\u0002\u0001")
    return undefined;
  const segments = readSegments(bytes);
  const interpreter = segments.find(segment => segment.type === interpreterSegment);
  return {
    machine: machines[bytes.readUInt16LE(18)] ?? `machine ${bytes.readUInt16LE(18)}`,
    interpreter: interpreter && textAt(bytes, interpreter.offset),
    needed: readNeeded(bytes, segments),
  };
}

function readSegments(bytes: Buffer): Segment[] {
  const first = Number(bytes.readBigUInt64LE(32));
  const [size, count] = [bytes.readUInt16LE(54), bytes.readUInt16LE(56)];
  return Array.from({ length: count }, (_, index) => first + index * size).map(at => ({
    type: bytes.readUInt32LE(at),
    offset: Number(bytes.readBigUInt64LE(at + 8)),
    address: Number(bytes.readBigUInt64LE(at + 16)),
    size: Number(bytes.readBigUInt64LE(at + 32)),
  }));
}

function readNeeded(bytes: Buffer, segments: readonly Segment[]): string[] {
  const dynamic = segments.find(segment => segment.type === dynamicSegment);
  if (dynamic === undefined) return [];
  const names: number[] = [];
  let table = 0;
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    const [tag, value] = [bytes.readBigInt64LE(at), Number(bytes.readBigUInt64LE(at + 8))];
    if (tag === tagNeeded) names.push(value);
    if (tag === tagStringTable) table = toOffset(value, segments);
  }
  return names.map(name => textAt(bytes, table + name));
}

function toOffset(address: number, segments: readonly Segment[]): number {
  const segment = segments.find(
    ({ type, address: first, size }) =>
      type === loadSegment && address >= first && address < first + size,
  );
  return segment === undefined ? address : address - segment.address + segment.offset;
}

function textAt(bytes: Buffer, start: number): string {
  return bytes.toString("latin1", start, bytes.indexOf(0, start));
}

export interface FoundLibrary {
  name: string;
  /** The file on this machine, links followed. */
  source: string;
}

export interface LibrarySearch {
  machine: string;
  /** Roots of file systems that are searched, in this order: `/`, or a folder that looks like one. */
  roots: readonly string[];
}

export interface LibraryClosure {
  found: FoundLibrary[];
  /** The loader's path in the image, and its file here. */
  interpreter: { path: string; source: string } | undefined;
  /** Libraries that are nowhere, each with a file that asks for it. */
  missing: { name: string; neededBy: string }[];
}

/** All libraries that `files` need, and those that these need, without what lies beside the files themselves. */
export function closeLibraries(files: readonly string[], search: LibrarySearch): LibraryClosure {
  const folders = librariesFolders(search);
  const beside = new Set(files.map(file => posix.basename(file)));
  const closure: LibraryClosure = { found: [], interpreter: undefined, missing: [] };
  const known = new Set<string>(beside);
  const queue = [...files];
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    const facts = readElf(readFileSync(file));
    if (facts?.interpreter !== undefined)
      closure.interpreter ??= findInterpreter(facts.interpreter, search, folders);
    for (const name of facts?.needed ?? []) {
      if (known.has(name) || isLoader(name)) continue;
      known.add(name);
      const source = findLibrary(name, search.machine, folders);
      if (source === undefined) closure.missing.push({ name, neededBy: posix.basename(file) });
      else {
        closure.found.push({ name, source });
        queue.push(source);
      }
    }
  }
  closure.found.sort((left, right) => (left.name < right.name ? -1 : 1));
  return closure;
}

/** The loader is asked for by libraries too; it comes as the interpreter. */
function isLoader(name: string): boolean {
  return /^ld-linux/.test(name);
}

/** Where the loader of a Debian or Red Hat machine looks, and where CUDA puts its own. */
function librariesFolders({ machine, roots }: LibrarySearch): string[] {
  const triplet = `${machine}-linux-gnu`;
  const usual = [
    `lib/${triplet}`,
    `usr/lib/${triplet}`,
    "lib64",
    "usr/lib64",
    "lib",
    "usr/lib",
    "usr/local/lib",
    "usr/local/cuda/lib64",
    "",
  ];
  return roots
    .flatMap(root => usual.map(folder => join(root, folder)))
    .filter(folder => folder !== "/" && existsSync(folder) && statSync(folder).isDirectory());
}

function findLibrary(name: string, machine: string, folders: readonly string[]) {
  return folders
    .map(folder => join(folder, name))
    .filter(path => existsSync(path))
    .map(path => realpathSync(path))
    .find(path => readElf(readFileSync(path))?.machine === machine);
}

function findInterpreter(path: string, search: LibrarySearch, folders: readonly string[]) {
  const places = search.roots.map(root => join(root, path)).filter(place => existsSync(place));
  const source =
    places.map(place => realpathSync(place))[0] ??
    findLibrary(posix.basename(path), search.machine, folders);
  return source === undefined ? undefined : { path, source };
}

/** The ELF files below a folder, at any depth, sorted. */
export function listElfFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && /\.(so(\.[\d.]+)?|node)$/.test(entry.name))
    .map(entry => join(entry.parentPath, entry.name))
    .sort();
}
