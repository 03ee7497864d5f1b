/** From options of a command line to a ModelSpec: flags for what people say often, `--set` for every other field. */
import { parse as parseYaml } from "yaml";
import { toFieldProblems } from "../contract/config.ts";
import { EngineError } from "../contract/errors.ts";
import { ModelSpec } from "../contract/model.ts";
import type { DescribedOption, OptionValues } from "./command.ts";

type Tree = { [key: string]: unknown };

export const modelOptions: Readonly<Record<string, DescribedOption>> = {
  file: { type: "string", short: "f", value: "FILE", help: "spec as YAML; `-` is standard input" },
  tokens: { type: "string", value: "N", help: "context: tokens of one sequence" },
  slots: { type: "string", value: "N", help: "sequences that are decoded together" },
  replicas: { type: "string", value: "N|MIN..MAX", help: "pods on a cluster; 0..N scales to zero" },
  profile: { type: "string", value: "NAME", help: "kind of machine" },
  alias: { type: "string", multiple: true, value: "NAME", help: "another name for clients" },
  sha256: { type: "string", value: "DIGEST", help: "digest that the weights must have" },
  set: { type: "string", multiple: true, value: "PATH=VALUE", help: "any field of the spec" },
};

/**
 * The spec that words, file and options make together, the later stronger.
 * @throws EngineError invalid_request that lists every wrong field
 */
export function readSpec(
  words: readonly string[],
  options: OptionValues,
  file: string | undefined,
): ModelSpec {
  const [name, source] = words;
  const tree: Tree = file === undefined ? {} : readTree(file);
  if (name !== undefined) tree.name = name;
  if (source !== undefined) tree.source = source;
  const replicas = options.replicas;
  if (typeof replicas === "string") tree.replicas = parseReplicas(replicas);
  assign(tree, "context", toNumber(options.tokens));
  assign(tree, "slots", toNumber(options.slots));
  assign(tree, "profile", options.profile);
  assign(tree, "sha256", options.sha256);
  assign(tree, "aliases", options.alias);
  for (const text of asList(options.set)) setPath(tree, text);
  return checkSpec(tree);
}

export function checkSpec(tree: unknown): ModelSpec {
  const result = ModelSpec.safeParse(tree);
  if (result.success) return result.data;
  const problems = toFieldProblems(result.error);
  const sentences = problems.map(({ field, message }) => `${field}: ${message}`).join("; ");
  throw new EngineError("invalid_request", `That is no model: ${sentences}.`, {
    ...(problems[0] === undefined ? {} : { field: problems[0].field }),
    remedy: "See `kollama deploy --help`.",
  });
}

/** `3` is 3..3, `0..4` is at least none and at most four. */
export function parseReplicas(text: string): { min: number; max: number } {
  const match = /^(\d{1,4})(?:\.\.(\d{1,4}))?$/.exec(text);
  const min = Number(match?.[1]);
  const max = match?.[2] === undefined ? min : Number(match[2]);
  if (match !== null && min <= max) return { min, max: Math.max(max, 1) };
  throw new EngineError("invalid_request", `"${text}" is no number of replicas.`, {
    field: "replicas",
    remedy: "Write 2, or 0..4 for a range.",
  });
}

/** A file is a spec, or a Model resource as kubectl takes it. */
function readTree(text: string): Tree {
  const value: unknown = parseYaml(text);
  if (!isTree(value))
    throw new EngineError("invalid_request", "The file holds no mapping.", {
      remedy: "Write fields of a model, such as `source: bundled:echo-tiny`.",
    });
  if (value.kind !== "Model" || !isTree(value.spec) || !isTree(value.metadata)) return { ...value };
  return { ...value.spec, name: value.metadata.name };
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function assign(tree: Tree, key: string, value: unknown): void {
  if (value !== undefined) tree[key] = value;
}

function toNumber(value: unknown): unknown {
  return typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
}

export function asList(value: OptionValues[string]): string[] {
  return Array.isArray(value) ? value : typeof value === "string" ? [value] : [];
}

function setPath(tree: Tree, text: string): void {
  const at = text.indexOf("=");
  const path = text.slice(0, at).split(".");
  if (at < 1 || path.some(key => key === "" || key === "__proto__"))
    throw new EngineError("invalid_request", `"${text}" is no PATH=VALUE.`, {
      field: "set",
      remedy: "Write --set sampling.temperature=0.",
    });
  const last = path.pop() ?? "";
  let place = tree;
  for (const key of path) {
    const inner = isTree(place[key]) ? { ...(place[key] as Tree) } : {};
    place[key] = inner;
    place = inner;
  }
  place[last] = parseYaml(text.slice(at + 1));
}
