/** A stack's configuration: the tracked file, and over it the one in the home, which alone is written and alone holds secrets. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Document, isMap, parseDocument, stringify } from "yaml";
import { writeFileAtomically } from "../../components/local/atomic-file.ts";
import { homeLayout } from "../../engine/contract/endpoints.ts";
import { EngineError } from "../../engine/contract/errors.ts";
import { createSecrets, openSecrets, type Secrets } from "../embedded/secrets.ts";

type Tree = { [key: string]: unknown };

export interface StackFile {
  /** The file in the home, as it is written. */
  home: Document;
  homePath: string;
  /** Both files together; a list of the home replaces the tracked one, objects are merged. */
  config: Tree;
  /** What is beside `config` in the files. */
  settings: Tree;
}

export interface StackFiles {
  project: string;
  /** Where the tracked files are. */
  folder: string;
  home: string;
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSecure(value: unknown): value is { secure: string } {
  return isTree(value) && typeof value.secure === "string" && Object.keys(value).length === 1;
}

export function isStackName(name: string): boolean {
  return /^[\w.-]+$/.test(name);
}

export function readStackFile(files: StackFiles, stack: string): StackFile {
  const name = `Pulumi.${stack}.yaml`;
  const trackedPath = join(files.folder, name);
  const homePath = join(files.home, name);
  if (!isStackName(stack) || (!existsSync(trackedPath) && !existsSync(homePath))) {
    throw new EngineError(
      "invalid_config",
      `there is no stack "${stack}": ${trackedPath} does not exist`,
      {
        remedy: "Name another stack, or write that file.",
      },
    );
  }
  const tracked = toTree(readDocument(trackedPath), trackedPath);
  const home = readDocument(homePath);
  const { config: homeConfig, ...homeSettings } = toTree(home, homePath);
  const { config: trackedConfig, ...trackedSettings } = tracked;
  const base = withNamespace(trackedConfig, files.project, trackedPath);
  const over = withNamespace(homeConfig, files.project, homePath);
  const config = mergeTrees(base, over) as Tree;
  return { home, homePath, config, settings: { ...trackedSettings, ...homeSettings } };
}

/** What stands for files that cannot be read where the state says all that is needed; never written. */
export function withoutConfig(files: StackFiles, stack: string, salt: string): StackFile {
  const homePath = join(files.home, `Pulumi.${stack}.yaml`);
  return { home: parseDocument(""), homePath, config: {}, settings: { encryptionsalt: salt } };
}

function readDocument(path: string): Document {
  const document = parseDocument(existsSync(path) ? readFileSync(path, "utf8") : "");
  const [error] = document.errors;
  if (error === undefined) return document;
  const line = error.linePos?.[0].line;
  const what = error.message.split("\n")[0]?.replace(/ at line \d+, column \d+:?$/, "");
  throw new EngineError(
    "invalid_config",
    `${path}${line === undefined ? "" : ` line ${line}`}: ${what}`,
    {
      remedy: "Correct the line and run the command again.",
    },
  );
}

function toTree(document: Document, path: string): Tree {
  const value: unknown = document.toJS() ?? {};
  if (isTree(value)) return value;
  throw new EngineError("invalid_config", `${path} holds no keys; it should begin with "config:"`);
}

function withNamespace(config: unknown, project: string, path: string): Tree {
  if (config === undefined || config === null) return {};
  if (!isTree(config)) {
    throw new EngineError(
      "invalid_config",
      `${path}: what follows "config:" should be keys with values`,
    );
  }
  const entries = Object.entries(config);
  return Object.fromEntries(
    entries.map(([key, value]) => [key.includes(":") ? key : `${project}:${key}`, value]),
  );
}

function mergeTrees(base: unknown, over: unknown): unknown {
  if (!isTree(base) || !isTree(over) || isSecure(base) || isSecure(over)) return over;
  const keys = new Set([...Object.keys(base), ...Object.keys(over)]);
  return Object.fromEntries(
    [...keys].map(key => [
      key,
      key in base && key in over ? mergeTrees(base[key], over[key]) : (over[key] ?? base[key]),
    ]),
  );
}

export function writeHomeFile(file: StackFile): void {
  mkdirSync(dirname(file.homePath), { recursive: true, mode: 0o700 });
  writeFileAtomically(file.homePath, file.home.toString());
}

/** The stack's secrets; a salt that is not there yet is made and written into the home's file. */
export async function openStackSecrets(file: StackFile, passphrase: string): Promise<Secrets> {
  const { encryptionsalt: salt } = file.settings;
  if (typeof salt === "string") return await openSecrets(passphrase, salt);
  const secrets = await createSecrets(passphrase);
  setSalt(file, secrets.salt);
  return secrets;
}

function setSalt(file: StackFile, salt: string): void {
  if (file.settings.encryptionsalt === salt) return;
  if (!isMap(file.home.contents)) file.home.contents = file.home.createNode({}) as never;
  file.home.set("encryptionsalt", salt);
  file.settings.encryptionsalt = salt;
  writeHomeFile(file);
}

export interface ClearConfig {
  /** By `namespace:name`; what is no text as JSON. */
  values: Record<string, string>;
  secretKeys: string[];
}

/** The configuration as a program reads it. */
export function decryptConfig(config: Tree, secrets: Secrets): ClearConfig {
  const values: Record<string, string> = {};
  const secretKeys: string[] = [];
  for (const [key, value] of Object.entries(config)) {
    const clear = decryptTree(value, secrets);
    values[key] = typeof clear === "string" ? clear : JSON.stringify(clear);
    if (hasSecure(value)) secretKeys.push(key);
  }
  return { values, secretKeys };
}

function hasSecure(value: unknown): boolean {
  if (isSecure(value)) return true;
  if (Array.isArray(value)) return value.some(hasSecure);
  return isTree(value) && Object.values(value).some(hasSecure);
}

/** The value with every secret replaced by what `secrets` makes of it, or by a mark. */
export function decryptTree(value: unknown, secrets: Pick<Secrets, "decrypt">): unknown {
  if (isSecure(value)) return secrets.decrypt(value.secure);
  if (Array.isArray(value)) return value.map(item => decryptTree(item, secrets));
  if (!isTree(value)) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([key, item]) => [key, decryptTree(item, secrets)]));
}

/** Both files as one, for the CLI; answers with its path. */
export function writeMerged(file: StackFile, stack: string, home: string): string {
  const path = join(home, homeLayout.run, `Pulumi.${stack}.yaml`);
  const header = `# Written by each command from the stack's two files; change those instead.\n`;
  writeFileAtomically(path, header + stringify({ ...file.settings, config: file.config }));
  return path;
}

/** What the CLI wrote into the merged file that belongs to the home's. */
export function carryBack(file: StackFile, mergedPath: string): void {
  const { encryptionsalt: salt } = toTree(readDocument(mergedPath), mergedPath);
  if (typeof salt === "string") setSalt(file, salt);
}
