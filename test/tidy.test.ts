/** The rules of the house as a test: who may import whom, who reads the environment, how files begin and what they are called. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { metrics } from "../engine/contract/metrics.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

interface SourceFile {
  path: string;
  text: string;
  /** Repository paths of relative imports, and names of packages. */
  imports: { target: string; isPackage: boolean; isType: boolean }[];
}

const files = listFiles().map(readSource);
const code = files.filter(file => !file.path.startsWith("test/"));

function listFiles(): string[] {
  const known = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: root });
  return String(known)
    .split("\n")
    .filter(path => /^(stacks|components|policies|engine|test)\/.*\.ts$/.test(path))
    .filter(path => existsSync(join(root, path)));
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(root, path), "utf8");
  const pattern =
    /^\s*(?:import|export)\s+(type\s+)?(?:[\s\S]*?\sfrom\s+)?"([^"]+)";|import\(\s*"([^"]+)"\s*\)/gm;
  const imports = [...text.matchAll(pattern)].map(match => {
    const name = match[2] ?? match[3] ?? "";
    const isPackage = !name.startsWith(".");
    const target = isPackage ? packageOf(name) : normalize(join(dirname(path), name));
    return { target, isPackage, isType: match[1] !== undefined };
  });
  return { path, text, imports };
}

function packageOf(name: string): string {
  return name
    .split("/")
    .slice(0, name.startsWith("@") ? 2 : 1)
    .join("/");
}

/** Ground first: a room may import the rooms before its own row, and its own folder. */
const floors: string[][] = [
  ["engine/contract"],
  ["engine/kit"],
  ["engine/telemetry", "engine/manifests", "engine/kubernetes"],
  ["engine/models", "engine/inference", "engine/stores"],
  ["engine/cognition"],
  ["engine/conversation"],
  ["engine/api"],
  ["engine/settings.ts", "engine/listen.ts"],
  ["engine/operator"],
  ["engine/roles"],
  ["engine/app.ts"],
  ["engine/main.ts", "engine/cli", "engine/image"],
];

const rooms = floors.flatMap((floor, level) => floor.map(prefix => ({ prefix, level })));

function roomOf(path: string): { prefix: string; level: number } | undefined {
  return rooms.find(room => path === room.prefix || path.startsWith(`${room.prefix}/`));
}

function mayImport(from: SourceFile, target: string): boolean {
  const own = roomOf(from.path);
  const other = roomOf(target);
  if (own === undefined || other === undefined) return false;
  return other.prefix === own.prefix || other.level < own.level;
}

test("every file of the engine belongs to a room", () => {
  const homeless = code.filter(file => file.path.startsWith("engine/") && !roomOf(file.path));
  expect(homeless.map(file => file.path)).toEqual([]);
});

test("rooms of the engine import downwards only, and neighbours are strangers", () => {
  const wrong = code
    .filter(file => file.path.startsWith("engine/"))
    .flatMap(file =>
      file.imports
        .filter(entry => !entry.isPackage && !mayImport(file, entry.target))
        .map(entry => `${file.path} imports ${entry.target}`),
    );
  expect(wrong).toEqual([]);
});

test("the contract imports the schema library only", () => {
  const wrong = code
    .filter(file => file.path.startsWith("engine/contract/"))
    .flatMap(file => file.imports.filter(entry => entry.isPackage))
    .map(entry => entry.target);
  expect([...new Set(wrong)]).toEqual(["zod"]);
});

test("components, stacks and policies see the contract, the manifests and the models' facts of the engine, nothing else", () => {
  const wrong = code
    .filter(file => /^(components|stacks|policies)\//.test(file.path))
    .flatMap(file =>
      file.imports
        .filter(entry => entry.target.startsWith("engine/"))
        .filter(entry => !/^engine\/((contract|manifests)\/|models\/facts\.ts$)/.test(entry.target))
        .map(entry => `${file.path} imports ${entry.target}`),
    );
  expect(wrong).toEqual([]);
});

test("of the policies others see the rules alone, which see the contract", () => {
  const rules = /^policies\/(rules?|pods|access|network|data)\.ts$/;
  const wrong = code.flatMap(file =>
    file.imports
      .filter(({ target, isPackage }) =>
        rules.test(file.path)
          ? isPackage || !/^(policies|engine\/contract)\//.test(target)
          : target.startsWith("policies/") &&
            !(rules.test(target) && /^(stacks|policies)\//.test(file.path)),
      )
      .map(({ target }) => `${file.path} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

/** Heavy packages, and who alone may import them. */
const importers: Record<string, RegExp> = {
  "node-llama-cpp": /^engine\/inference\/llama\//,
  "@huggingface/jinja": /^engine\/inference\/llama\//,
  pg: /^engine\/stores\/postgres/,
  iovalkey: /^engine\/stores\/valkey/,
  "@pulumi/kubernetes": /^components\//,
  "@pulumi/policy": /^policies\//,
  "node:sqlite": /^engine\/stores\/sqlite/,
  hono: /^engine\/(api\/|app\.ts$)/,
  "@hono/node-server": /^engine\/(main|listen)\.ts$|^engine\/api\//,
  zod: /^engine\/(contract|api)\/|^stacks\/parse-config\.ts$/,
  "@pulumi/pulumi": /^(stacks|components)\//,
  "@grpc/grpc-js": /^(stacks|components)\//,
  "google-protobuf": /^(stacks|components)\//,
};

test("a heavy package has one importer", () => {
  const wrong = code.flatMap(file =>
    file.imports
      .filter(entry => entry.isPackage && importers[entry.target]?.test(file.path) === false)
      .map(entry => `${file.path} imports ${entry.target}`),
  );
  expect(wrong).toEqual([]);
});

test("packages are declared: what the engine imports ships, the rest is for development", () => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const wrong = files.flatMap(file => {
    const shipped = Object.keys(manifest.dependencies);
    const known = file.path.startsWith("engine/")
      ? shipped
      : [...shipped, ...Object.keys(manifest.devDependencies)];
    return file.imports
      .filter(entry => entry.isPackage && !entry.target.startsWith("node:"))
      .filter(entry => !known.includes(entry.target))
      .map(entry => `${file.path} imports ${entry.target}`);
  });
  expect(wrong).toEqual([]);
});

test("the environment is read at the edges of processes only", () => {
  const edges =
    /^engine\/(main|cli\/main)\.ts$|^engine\/inference\/llama\/child-main\.ts$|^stacks\/(run|config)\.ts$|^components\/local\/(main|supervisor-main)\.ts$|^test\//;
  const wrong = files.filter(file => file.text.includes("process.env") && !edges.test(file.path));
  expect(wrong.map(file => file.path)).toEqual([]);
});

test("every file opens with one sentence on what it is for", () => {
  const wrong = files.filter(
    file => !/^(#!.*\n)?(\/\*\*[\s\S]{20,}?\*\/|\/\/ .{20})/.test(file.text),
  );
  expect(wrong.map(file => file.path)).toEqual([]);
});

test("names say what a thing is", () => {
  const empty = /(^|[-/])(utils?|helpers?|manager|common|misc)([-./]|$)/;
  const wrong = files.filter(file => empty.test(file.path) || /[A-Z_]/.test(file.path));
  expect(wrong.map(file => file.path)).toEqual([]);
});

test("nothing escapes the types, and no marker is left behind", () => {
  const banned = /@ts-ignore|@ts-expect-error|@ts-nocheck|\bas any\b|\b(TODO|FIXME|XXX)\b/;
  const wrong = files.filter(file => file.path !== "test/tidy.test.ts" && banned.test(file.text));
  expect(wrong.map(file => file.path)).toEqual([]);
});

test("no default exports and no barrels", () => {
  const wrong = code.filter(file => /^export (default|\* from)/m.test(file.text));
  expect(wrong.map(file => file.path)).toEqual([]);
});

test("nothing in the engine is dead: every file is reached from an entry", () => {
  const byPath = new Map(files.map(file => [file.path, file]));
  // Second implementations of an interface are reached from the tests alone.
  const second = ["engine/inference/scripted.ts", "engine/stores/memory.ts"];
  const entry =
    /^(engine\/main|engine\/(cli|image)\/main|engine\/inference\/llama\/child-main|stacks\/(index|run)|policies\/index)\.ts$|-main\.ts$|^components\/local\/main\.ts$|worker\.ts$/;
  const reached = new Set<string>();
  const queue = code
    .map(file => file.path)
    .filter(path => entry.test(path) || second.includes(path));
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    queue.push(...(byPath.get(path)?.imports ?? []).map(imported => imported.target));
  }
  const dead = code.filter(file => !reached.has(file.path));
  expect(dead.map(file => file.path)).toEqual([]);
});

test("every metric of the contract is measured somewhere", () => {
  const spoken = code
    .filter(file => file.path.startsWith("engine/") && file.path !== "engine/contract/metrics.ts")
    .map(file => file.text)
    .join("\n");
  expect(Object.keys(metrics).filter(name => !spoken.includes(`"${name}"`))).toEqual([]);
});
