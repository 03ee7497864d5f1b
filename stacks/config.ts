/** The stack's configuration: what its files say under `echorator:`, parsed once by the contract's schema. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { RunError, runtime } from "@pulumi/pulumi";
import { z } from "zod";
import { isServed, type ServedTarget, targets } from "../components/target.ts";
import { deploymentFields, EngineConfig, toFieldProblems } from "../engine/contract/config.ts";

export interface StackConfig {
  target: ServedTarget;
  engine: EngineConfig;
  /** Top-level fields that hold a secret, and so are secrets as a whole. */
  secretFields: ReadonlySet<string>;
}

/** Of the project; other namespaces belong to other providers. */
const namespace = "echorator:";

const Target = z.enum(targets).default("process");

/** Fields that a stack file writes as one word, never as JSON. */
const plainFields = new Set(["target", ...wordFields(EngineConfig.shape)]);

const deployed: readonly string[] = deploymentFields;
const knownFields = [
  "target",
  ...Object.keys(EngineConfig.shape).filter(field => !deployed.includes(field)),
];

/** Reads what the deployment engine handed to this program. */
export function readStackConfig(stack: string): StackConfig {
  const values = runtime.allConfig();
  const result = parseStackConfig(values);
  if ("problems" in result) throw new RunError(describeProblems(result.problems, stack));
  const keys = readSecretKeys();
  const secretFields = new Set(knownFields.filter(field => keys.includes(`${namespace}${field}`)));
  return { ...result, secretFields };
}

/** The deployment engine names the secret keys beside their values; the SDK's types have no reader for them. */
function readSecretKeys(): string[] {
  return JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS || "[]") as string[];
}

/** The folder that everything kept is under. */
export function readHome(): string {
  const home = process.env.ECHORATOR_HOME;
  return home === undefined || home === "" ? join(homedir(), ".echorator") : resolve(home);
}

export interface ConfigProblem {
  /** As the stack file has it: `echorator:models[1].slots`. */
  path: string;
  message: string;
}

/** `values` are Pulumi's: texts by whole key, objects and lists as JSON. */
export function parseStackConfig(
  values: Readonly<Record<string, string>>,
): Omit<StackConfig, "secretFields"> | { problems: ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const fields: Record<string, unknown> = {};
  for (const [key, text] of Object.entries(values)) {
    if (!key.startsWith(namespace)) continue;
    const field = key.slice(namespace.length);
    if (!knownFields.includes(field)) problems.push({ path: key, message: unknownField(field) });
    else fields[field] = plainFields.has(field) ? text : parseJson(text);
  }
  const { target: targetText, ...rest } = fields;
  const target = Target.safeParse(targetText);
  const engine = EngineConfig.safeParse(rest);
  if (!target.success) problems.push(...toProblems(target.error, "target"));
  else if (!isServed(target.data)) problems.push(notServed(target.data));
  if (!engine.success) problems.push(...toProblems(engine.error));
  if (!target.success || !isServed(target.data) || !engine.success || problems.length > 0)
    return { problems };
  return { target: target.data, engine: engine.data };
}

function toProblems(error: z.ZodError, field = ""): ConfigProblem[] {
  return toFieldProblems(error).map(problem => ({
    path: `${namespace}${field}${problem.field}`,
    message: problem.message,
  }));
}

function notServed(target: string): ConfigProblem {
  const message = `${target} is not built yet: this version serves target: process`;
  return { path: `${namespace}target`, message };
}

function unknownField(field: string): string {
  const [first = ""] = field.split(/[.[]/);
  if (knownFields.includes(first))
    return `there is no such key; write the field inside ${namespace}${first}`;
  return `there is no such key; there are ${knownFields.join(", ")}`;
}

/** What is no JSON stays a text, for the schema to say what it should have been. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function wordFields(shape: Readonly<Record<string, z.core.$ZodType>>): string[] {
  return Object.entries(shape)
    .filter(([, schema]) => ["string", "enum"].includes(innermost(schema)._zod.def.type))
    .map(([field]) => field);
}

function innermost(schema: z.core.$ZodType): z.core.$ZodType {
  const { def } = schema._zod;
  return "innerType" in def ? innermost(def.innerType as z.core.$ZodType) : schema;
}

function describeProblems(problems: readonly ConfigProblem[], stack: string): string {
  const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
  const lines = problems.map(({ path, message }) => `  ${path}: ${message}`);
  return `the configuration of stack "${stack}" has ${count}:\n${lines.join("\n")}`;
}
