/** A stack's configuration: what its files say under `echorator:`, parsed once by the contract's schemas. */
import { z } from "zod";
import { isServed, targets } from "../components/target.ts";
import { deploymentFields, EngineConfig, toFieldProblems } from "../engine/contract/config.ts";
import { Platform } from "../engine/contract/platform.ts";

export type StackConfig = ProcessStack | ClusterStack;

export interface ProcessStack {
  target: "process";
  engine: EngineConfig;
}

export interface ClusterStack {
  target: "kubernetes";
  /** What gateways are told; where they listen is the platform's. */
  engine: EngineConfig;
  platform: Platform;
}

/** Of the project; other namespaces belong to other providers. */
const namespace = "echorator:";

const Target = z.enum(targets).default("process");

/** Fields that a stack file writes as one word, never as JSON. */
const plainFields = new Set(["target", ...wordFields(EngineConfig.shape)]);

const deployed: readonly string[] = deploymentFields;
const engineFields = Object.keys(EngineConfig.shape).filter(field => !deployed.includes(field));
const knownFields = ["target", ...engineFields, "platform"];

/** A gateway listens on all addresses of its pod, at the ports that its Service has. */
const processOnly = ["host", "ports"];

export interface ConfigProblem {
  /** As the stack file has it: `echorator:models[1].slots`. */
  path: string;
  message: string;
}

/** Which of our fields are among Pulumi's keys. */
export function fieldsOfStack(keys: readonly string[]): string[] {
  return knownFields.filter(field => keys.includes(`${namespace}${field}`));
}

/** `values` are Pulumi's: texts by whole key, objects and lists as JSON. */
export function parseStackConfig(
  values: Readonly<Record<string, string>>,
): StackConfig | { problems: ConfigProblem[] } {
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
  if (!target.success) problems.push(...toProblems(target.error, "target"));
  else if (!isServed(target.data)) problems.push(notServed(target.data));
  const parsed =
    target.data === "kubernetes" ? parseCluster(rest, problems) : parseProcess(rest, problems);
  return parsed === undefined || problems.length > 0 ? { problems } : parsed;
}

function parseProcess(
  fields: Record<string, unknown>,
  problems: ConfigProblem[],
): ProcessStack | undefined {
  const { platform, ...rest } = fields;
  if (platform !== undefined)
    problems.push(misplaced("platform", "only a stack with target: kubernetes has one"));
  const engine = EngineConfig.safeParse(rest);
  if (engine.success) return { target: "process", engine: engine.data };
  problems.push(...toProblems(engine.error));
  return undefined;
}

function parseCluster(
  fields: Record<string, unknown>,
  problems: ConfigProblem[],
): ClusterStack | undefined {
  const { platform: given = {}, ...rest } = fields;
  for (const field of processOnly)
    if (field in rest)
      problems.push(misplaced(field, "gateways listen where their Service says; leave it out"));
  const platform = Platform.safeParse(given);
  if (!platform.success) problems.push(...toProblems(platform.error, "platform"));
  const own = Object.entries(rest).filter(([field]) => !processOnly.includes(field));
  const engine = EngineConfig.safeParse({ ...Object.fromEntries(own), host: "0.0.0.0" });
  if (!engine.success) problems.push(...toProblems(engine.error).map(toOpenDoor));
  if (!engine.success || !platform.success) return undefined;
  problems.push(...refuseProfiles(engine.data, platform.data));
  return { target: "kubernetes", engine: engine.data, platform: platform.data };
}

/** The address is not the stack's, so what is missing are keys. */
function toOpenDoor({ path, message }: ConfigProblem): ConfigProblem {
  if (path !== `${namespace}host`) return { path, message };
  const keys = "gateways are open to the network; add keys, or write `echorator:auth: none`";
  return { path: `${namespace}keys`, message: keys };
}

function refuseProfiles({ models }: EngineConfig, platform: Platform): ConfigProblem[] {
  const known = [...new Set(["cpu", ...Object.keys(platform.profiles)])];
  const unknown = (profile: string) =>
    `there is no profile "${profile}"; there are ${known.join(", ")}`;
  const wrong = models.flatMap(({ profile }, index) =>
    profile === undefined || known.includes(profile)
      ? []
      : [{ path: `${namespace}models[${index}].profile`, message: unknown(profile) }],
  );
  if (known.includes(platform.defaultProfile)) return wrong;
  const path = `${namespace}platform.defaultProfile`;
  return [...wrong, { path, message: unknown(platform.defaultProfile) }];
}

function toProblems(error: z.ZodError, field = ""): ConfigProblem[] {
  return toFieldProblems(error).map(problem => {
    const inner = field !== "" && problem.field !== "" ? `.${problem.field}` : problem.field;
    return { path: `${namespace}${field}${inner}`, message: problem.message };
  });
}

function misplaced(field: string, message: string): ConfigProblem {
  return { path: `${namespace}${field}`, message };
}

function notServed(target: string): ConfigProblem {
  const message = `${target} is not built yet: this version serves target: process and target: kubernetes`;
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

export function describeProblems(problems: readonly ConfigProblem[], stack: string): string {
  const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
  const lines = problems.map(({ path, message }) => `  ${path}: ${message}`);
  return `the configuration of stack "${stack}" has ${count}:\n${lines.join("\n")}`;
}
