/** `npm run config`: reads and writes the stack's file in the home. */
import { readFileSync } from "node:fs";
import { isMap, stringify } from "yaml";
import { EngineError } from "../../engine/contract/errors.ts";
import type { Project } from "../embedded/project.ts";
import { parseConfigPath, parseConfigValue, parseStructure } from "./config-path.ts";
import type { Home } from "./home.ts";
import {
  decryptTree,
  openStackSecrets,
  readStackFile,
  type StackFile,
  writeHomeFile,
} from "./stack-file.ts";

export interface ConfigureOptions {
  /** set KEY VALUE, get KEY, rm KEY, or nothing to show all. */
  words: string[];
  isSecret: boolean;
  stack: string;
  project: Project;
  home: Home;
  write: (text: string) => void;
}

const usage = "npm run config -- set [--secret] KEY VALUE | get KEY | rm KEY [--stack NAME]";

export async function configure(options: ConfigureOptions): Promise<void> {
  const { project, home, stack } = options;
  const files = { project: project.name, folder: project.configFolder, home: home.folder };
  const file = readStackFile(files, stack);
  const [verb, key, ...rest] = options.words;
  if (verb === undefined) return show(options, file);
  if (key === undefined) throw misused();
  if (verb === "set") return await set(options, file, key, rest);
  if (verb === "get") return await get(options, file, key);
  if (verb === "rm") return remove(options, file, key);
  throw misused();
}

function misused(): EngineError {
  return new EngineError("invalid_config", "that is no way to ask for configuration", {
    remedy: `Write: ${usage}`,
  });
}

function show(options: ConfigureOptions, file: StackFile): void {
  options.write(stringify(decryptTree(file.config, { decrypt: () => "[secret]" })));
}

async function set(
  options: ConfigureOptions,
  file: StackFile,
  text: string,
  rest: string[],
): Promise<void> {
  const { key, steps } = parseConfigPath(text, options.project.name);
  const given = rest[0] ?? readFileSync(0, "utf8").trimEnd();
  let value = steps.length === 0 ? parseStructure(given) : parseConfigValue(given);
  if (options.isSecret) {
    const secrets = await openStackSecrets(file, options.home.passphrase);
    value = { secure: secrets.encrypt(given) };
  }
  const { home } = file;
  if (!isMap(home.contents)) home.contents = home.createNode({}) as never;
  if (!isMap(home.get("config"))) home.set("config", home.createNode({}));
  const path = ["config", homeKey(file, key, options.project.name)];
  // A list of the home replaces the tracked one, so changing an item of it begins with a copy of the whole.
  const isInList = steps.some(step => typeof step === "number");
  if (isInList && !home.hasIn(path)) home.setIn(path, home.createNode(file.config[key] ?? []));
  // A plain value is set as it is, which keeps the comment beside it.
  home.setIn([...path, ...steps], typeof value === "object" ? home.createNode(value) : value);
  writeHomeFile(file);
  options.write(`${file.homePath}: ${text} is set\n`);
}

/** The key as the home's file has it already: with its namespace or without. */
function homeKey(file: StackFile, key: string, project: string): string {
  const short = key.startsWith(`${project}:`) ? key.slice(project.length + 1) : key;
  return file.home.hasIn(["config", short]) ? short : key;
}

async function get(options: ConfigureOptions, file: StackFile, text: string): Promise<void> {
  const { key, steps } = parseConfigPath(text, options.project.name);
  const secrets = await openStackSecrets(file, options.home.passphrase);
  const found = steps.reduce<unknown>(
    (value, step) => (value as Record<string | number, unknown> | undefined)?.[step],
    decryptTree(file.config[key], secrets),
  );
  if (found === undefined) {
    throw new EngineError("not_found", `${text} is not set in stack "${options.stack}"`, {
      remedy: `Set it: npm run config -- set ${text} VALUE`,
    });
  }
  options.write(typeof found === "object" ? stringify(found) : `${String(found)}\n`);
}

function remove(options: ConfigureOptions, file: StackFile, text: string): void {
  const { key, steps } = parseConfigPath(text, options.project.name);
  const path = ["config", homeKey(file, key, options.project.name), ...steps];
  if (!file.home.hasIn(path)) {
    throw new EngineError("not_found", `${file.homePath} does not set ${text}`, {
      remedy: "What the tracked file sets is overridden with `set`, or changed there.",
    });
  }
  file.home.deleteIn(path);
  writeHomeFile(file);
  options.write(`${file.homePath}: ${text} is removed\n`);
}
