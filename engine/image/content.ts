/** Which files an image holds, in three layers from what changes rarely to what changes often. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { rootCertificates } from "node:tls";
import { EngineError } from "../contract/errors.ts";
import { closeLibraries, type FoundLibrary, type LibraryClosure, listElfFiles } from "./elf.ts";
import type { ImagePackage } from "./lockfile.ts";
import type { TarEntry } from "./tar.ts";
import { librariesOfDriver, type Target } from "./variants.ts";

/** Whom the engine runs as: no user of any machine. */
export const imageUser = 65_532;
export const imageHome = "/home/echorator";

export interface ImageLayer {
  name: string;
  entries: TarEntry[];
}

export interface BaseLayer extends ImageLayer {
  libraries: FoundLibrary[];
}

/** Node, the libraries that it and llama.cpp need, and the few files that a Linux without a shell has. */
export function planBase(
  checkout: string,
  target: Target,
  packages: readonly ImagePackage[],
  roots: readonly string[],
): BaseLayer {
  const nodeFolder = join(checkout, "node_modules", target.nodePackage);
  const node = join(nodeFolder, "bin/node");
  if (!existsSync(node))
    throw new EngineError("invalid_config", `${target.nodePackage} is not installed.`, {
      remedy: `Run npm ci, for another machine's Node with --os and --cpu, such as --os linux --cpu ${target.architecture === "arm64" ? "arm64" : "x64"}.`,
    });
  const native = packages.flatMap(entry => listElfFiles(join(checkout, entry.path)));
  const closure = closeLibraries([node, ...native], { machine: target.machine, roots });
  refuseMissing(closure);
  // Every loader looks in this folder by itself, so that no path has to be set.
  const folder = `lib/${target.machine}-linux-gnu`;
  const entries = [
    file("usr/local/bin/node", node, 0o755),
    file("usr/share/echorator/licenses/node", join(nodeFolder, "LICENSE")),
    ...closure.found.map(({ name, source }) => file(`${folder}/${name}`, source)),
    ...(closure.interpreter === undefined
      ? []
      : [file(closure.interpreter.path.slice(1), closure.interpreter.source, 0o755)]),
    ...systemFiles(),
  ];
  return { name: "base", entries, libraries: closure.found };
}

function refuseMissing({ missing, interpreter }: LibraryClosure): void {
  const lost = missing.filter(({ name }) => !librariesOfDriver.has(name));
  if (lost.length === 0 && interpreter !== undefined) return;
  const list = lost.map(({ name, neededBy }) => `${name} (for ${neededBy})`).join(", ");
  throw new EngineError(
    "invalid_config",
    `Libraries are nowhere on this machine: ${list || "the loader of programs"}.`,
    {
      remedy:
        "Install them (libvulkan.so.1 is Debian's libvulkan1, libcudart and libcublas are NVIDIA's CUDA runtime), " +
        "or name a folder that has them with --sysroot.",
    },
  );
}

function systemFiles(): TarEntry[] {
  const text = (path: string, lines: readonly string[]): TarEntry => ({
    path,
    mode: 0o644,
    content: { kind: "bytes", bytes: Buffer.from(`${lines.join("\n")}\n`) },
  });
  return [
    text("etc/passwd", [
      "root:x:0:0:root:/root:/sbin/nologin",
      `echorator:x:${imageUser}:${imageUser}:echorator:${imageHome}:/sbin/nologin`,
    ]),
    text("etc/group", ["root:x:0:", `echorator:x:${imageUser}:`]),
    text("etc/nsswitch.conf", ["hosts: files dns"]),
    text("etc/os-release", ["ID=echorator", "NAME=Echorator"]),
    // Node's own list, not this machine's: whom a builder trusts besides is nobody's business.
    text("etc/ssl/certs/ca-certificates.crt", rootCertificates),
    { path: "tmp", mode: 0o1777, content: { kind: "folder" } },
    { path: imageHome.slice(1), mode: 0o755, owner: imageUser, content: { kind: "folder" } },
  ];
}

/** The packages that the engine loads, less what is read by compilers and people. */
export function planDependencies(checkout: string, packages: readonly ImagePackage[]): ImageLayer {
  const entries = packages.flatMap(entry => {
    const folder = join(checkout, entry.path);
    if (!existsSync(folder))
      throw new EngineError("invalid_config", `${entry.path} is not installed.`, {
        remedy: "Run npm ci; npm installs another machine's packages with --os and --cpu.",
      });
    return listFiles(folder, name => name !== "node_modules")
      .filter(path => isLoaded(entry.name, path))
      .map(path => file(posix.join("app", entry.path, path), join(folder, path)));
  });
  return { name: "dependencies", entries };
}

const isLicense = /(^|\/)(licen[cs]e|copying|notice)[^/]*$/i;
const forOthers =
  /\.(ts|mts|cts|map|md|markdown|flow|h|hpp|c|cc|cpp|gyp|gypi|html|tsbuildinfo)$|(^|\/)\./;

/** node-llama-cpp brings llama.cpp's sources, templates of projects and its own command line. */
const ownRules: Record<string, RegExp> = {
  "node-llama-cpp": /^(package\.json|llama\/binariesGithubRelease\.json|dist\/.*\.js)$/,
};

function isLoaded(name: string, path: string): boolean {
  if (isLicense.test(path)) return !/\.(js|cjs|mjs|ts)$/.test(path);
  return !forOthers.test(path) && (ownRules[name]?.test(path) ?? true);
}

/** The engine itself, without what writes images and what made the bundled model. */
export function planEngine(checkout: string, sbom: string): ImageLayer {
  const isFolder = (name: string) => !["image", "recipe", "__pycache__"].includes(name);
  const own = listFiles(join(checkout, "engine"), isFolder)
    .filter(path => !/(^|\/)(\.|README\.md$|Dockerfile)|\.py$/.test(path))
    .map(path => file(posix.join("app/engine", path), join(checkout, "engine", path)));
  const bytes = (path: string, text: string): TarEntry => ({
    path,
    mode: 0o644,
    content: { kind: "bytes", bytes: Buffer.from(text) },
  });
  const entries = [
    ...own,
    bytes("app/package.json", reducedManifest(checkout)),
    bytes("usr/share/echorator/sbom.json", sbom),
  ];
  return { name: "engine", entries };
}

/** What Node and the engine read of package.json; scripts and development are no part of an image. */
function reducedManifest(checkout: string): string {
  const manifest = readManifest(checkout);
  const { name, version, description, license, type, dependencies } = manifest;
  const reduced = { name, version, private: true, description, license, type, dependencies };
  return `${JSON.stringify(reduced, undefined, 2)}\n`;
}

export interface Manifest {
  name: string;
  version: string;
  description: string;
  license: string;
  type: string;
  dependencies: Record<string, string>;
}

export function readManifest(checkout: string): Manifest {
  return JSON.parse(readFileSync(join(checkout, "package.json"), "utf8")) as Manifest;
}

function file(path: string, source: string, mode = 0o644): TarEntry {
  return { path, mode, content: { kind: "file", source } };
}

/** Paths of the files below a folder, with `/` between; links are left out, as npm makes none in a package. */
function listFiles(folder: string, enters: (name: string) => boolean, prefix = ""): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap(entry => {
    const path = posix.join(prefix, entry.name);
    if (entry.isDirectory()) return enters(entry.name) ? listFiles(folder, enters, path) : [];
    return entry.isFile() ? [path] : [];
  });
}
