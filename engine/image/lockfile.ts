/** Which packages of the lockfile go into an image: those that the engine loads, and none that only builds or develops. */
import { EngineError } from "../contract/errors.ts";
import type { Target } from "./variants.ts";

/** An entry of package-lock.json's `packages`. */
export interface LockedPackage {
  version?: string;
  integrity?: string;
  license?: string;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

export interface Lockfile {
  version: string;
  packages: Record<string, LockedPackage>;
}

export interface ImagePackage {
  /** `node_modules/…`, as in the lockfile. */
  path: string;
  name: string;
  version: string;
  /** As the registry states it: `sha512-…`; packages of a folder have none. */
  integrity: string | undefined;
  license: string | undefined;
}

/**
 * Dependencies that the engine never loads: node-llama-cpp compiles with the first two and parses its own command line
 * with the third, and the engine opens it with `build: "never"`.
 */
const leftOut: Record<string, readonly string[]> = {
  "node-llama-cpp": ["cmake-js", "node-addon-api", "yargs"],
};

/** @throws EngineError invalid_config when the lockfile lacks one of them. */
export function closePackages(lockfile: Lockfile, target: Target): ImagePackage[] {
  const found = new Map<string, ImagePackage>();
  const queue = namesOf("", lockfile.packages[""] ?? {}).map(name => ({ from: "", name }));
  queue.push({ from: "", name: target.llamaPackage });
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const path = resolvePackage(lockfile, next.from, next.name);
    if (found.has(path)) continue;
    const entry = lockfile.packages[path] ?? {};
    found.set(path, describe(path, entry));
    queue.push(...namesOf(path, entry).map(name => ({ from: path, name })));
  }
  return [...found.values()].sort((left, right) => (left.path < right.path ? -1 : 1));
}

export function describe(path: string, entry: LockedPackage): ImagePackage {
  return {
    path,
    name: nameOf(path),
    version: entry.version ?? "0",
    integrity: entry.integrity,
    license: entry.license,
  };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
}

function namesOf(path: string, entry: LockedPackage): string[] {
  const peers = Object.keys(entry.peerDependencies ?? {}).filter(
    name => entry.peerDependenciesMeta?.[name]?.optional !== true,
  );
  const names = [...Object.keys(entry.dependencies ?? {}), ...peers];
  return names.filter(name => !leftOut[nameOf(path)]?.includes(name));
}

/** As Node finds it: beside the package that asks, then in the folders above. */
function resolvePackage(lockfile: Lockfile, from: string, name: string): string {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/")))) {
    const path = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
    if (lockfile.packages[path] !== undefined) return path;
    if (folder === "") break;
  }
  throw new EngineError("invalid_config", `package-lock.json has no ${name} for ${from || "it"}.`, {
    remedy: "Run npm install, so that the lockfile says what package.json asks for.",
  });
}
