/** The layers of the configuration, lowest first: defaults, file, environment, command line; pure, so that precedence is a test. */
import { parse as parseYaml } from "yaml";
import { type EngineConfig, parseEngineConfig, settingPaths } from "./contract/config.ts";
import { EngineError } from "./contract/errors.ts";
import { workerKeyVariable } from "./contract/worker.ts";

type Tree = { [key: string]: unknown };

export interface Layers {
  file?: { path: string; text: string };
  /** All variables of the process; those that begin with `ECHORATOR_` are read. */
  environment?: Readonly<Record<string, string | undefined>>;
  /** `key.path=value`, in the order of the command line. */
  sets?: readonly string[];
}

/** Variables of this prefix that are no settings: they say where things are, and are read elsewhere. */
const notSettings = new Set(["ECHORATOR_HOME", workerKeyVariable]);
const prefix = "ECHORATOR_";

/** @throws EngineError invalid_config naming the layer and the field. */
export function layerSettings(layers: Layers): EngineConfig {
  const parts = [
    { origin: layers.file?.path, tree: layers.file ? parseFile(layers.file) : {} },
    { origin: "the environment", tree: parseEnvironment(layers.environment ?? {}) },
    { origin: "the command line", tree: parseSets(layers.sets ?? []) },
  ].filter(part => Object.keys(part.tree).length > 0);
  const merged = parts.reduce<Tree>((under, part) => merge(under, part.tree), {});
  const origins = parts.map(part => part.origin).join(", then ");
  return parseEngineConfig(merged, origins === "" ? "The default" : origins);
}

/** What may change while the engine runs; everything else waits for a restart. */
const liveSettings = [
  "auth",
  "inference.queueLength",
  "inference.requestSeconds",
  "keys",
  "log.level",
  "memory.compatible",
  "memory.main",
  "memory.recallTokens",
];

export interface PlannedChange {
  /** The running configuration with what may change. */
  next: EngineConfig;
  applied: string[];
  needsRestart: string[];
}

/** @throws EngineError invalid_config when the whole would not be a configuration */
export function planChange(current: EngineConfig, patch: Readonly<Tree>): PlannedChange {
  const wanted = parseEngineConfig(merge(current, patch), "The changed configuration");
  const changed = settingPaths().filter(
    path => JSON.stringify(read(current, path)) !== JSON.stringify(read(wanted, path)),
  );
  const applied = changed.filter(path => liveSettings.includes(path));
  const next = applied.reduce<Tree>(
    (tree, path) => merge(tree, nest(path.split("."), read(wanted, path))),
    current,
  );
  return {
    next: parseEngineConfig(next, "The changed configuration"),
    applied,
    needsRestart: changed.filter(path => !applied.includes(path)),
  };
}

function read(config: EngineConfig, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((value, key) => (isTree(value) ? value[key] : undefined), config);
}

function parseFile({ path, text }: { path: string; text: string }): Tree {
  const value = parseScalar(text, path);
  if (value === null || value === undefined) return {};
  if (isTree(value)) return value;
  throw new EngineError("invalid_config", `${path} is not a configuration: it holds no mapping.`, {
    remedy: "Write `key: value` lines, such as `host: 127.0.0.1`.",
  });
}

function parseEnvironment(environment: Readonly<Record<string, string | undefined>>): Tree {
  const names = new Map(settingPaths().map(path => [toVariable(path), path]));
  for (const section of new Set([...names.values()].map(path => path.split(".")[0]!)))
    names.set(toVariable(section), section);
  const sections = [...names].sort(([a], [b]) => a.length - b.length);
  const unknown = Object.keys(environment)
    .filter(name => name.startsWith(prefix) && !notSettings.has(name))
    .filter(name => !names.has(name));
  if (unknown.length > 0) throw unknownVariable(unknown, [...names.keys()]);
  // Whole sections first, so that a single setting of the same layer is the stronger one.
  return sections.reduce<Tree>((tree, [name, path]) => {
    const text = environment[name];
    if (text === undefined) return tree;
    return merge(tree, nest(path.split("."), parseScalar(text, name)));
  }, {});
}

/** `inference.queueLength` → `ECHORATOR_INFERENCE__QUEUE_LENGTH`. */
function toVariable(path: string): string {
  const words = path.split(".").map(part => part.replace(/[A-Z]/g, "_$&").toUpperCase());
  return prefix + words.join("__");
}

function unknownVariable(unknown: string[], known: string[]): EngineError {
  return new EngineError(
    "invalid_config",
    `The environment sets ${unknown.join(", ")}, which is no setting of the engine.`,
    {
      field: unknown[0] ?? "",
      remedy: `There are ${[...notSettings, ...known].sort().join(", ")}.`,
    },
  );
}

function parseSets(sets: readonly string[]): Tree {
  return sets.reduce<Tree>((tree, text) => {
    const [, path, value] = /^([A-Za-z][\w.]*)=(.*)$/s.exec(text) ?? [];
    if (path === undefined || value === undefined)
      throw new EngineError("invalid_config", `--set ${text} is not of the form key.path=value.`, {
        remedy: "Write for example --set log.level=debug.",
      });
    return merge(tree, nest(path.split("."), parseScalar(value, `--set ${path}`)));
  }, {});
}

function parseScalar(text: string, origin: string): unknown {
  try {
    return parseYaml(text, { maxAliasCount: 32 });
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new EngineError("invalid_config", `${origin} is no valid YAML: ${why}`, {
      field: origin,
      remedy: "Correct the line that the sentence names.",
    });
  }
}

function nest(path: string[], value: unknown): Tree {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Tree;
}

/** Mappings are merged key by key; lists and plain values are replaced whole. */
function merge(under: Tree, over: Tree): Tree {
  const merged: Tree = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = Object.hasOwn(under, key) ? under[key] : undefined;
    merged[key] = isTree(below) && isTree(value) ? merge(below, value) : value;
  }
  return merged;
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
