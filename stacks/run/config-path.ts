/** Keys of configuration as Pulumi writes them: `namespace:name`, and paths into objects and lists. */
import { EngineError } from "../../engine/contract/errors.ts";

export interface ConfigPath {
  /** With its namespace: `echorator:ports`. */
  key: string;
  /** Below the key: `["main"]`; empty for the whole of it. */
  steps: (string | number)[];
}

const step = /^(?:\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|\.?([^.[\]"]+))/;

/** `ports.main` is a path in any case; `isPath` also splits keys that Pulumi would take whole. */
export function parseConfigPath(text: string, project: string): ConfigPath {
  const colon = text.search(/:(?![^[]*\])/);
  const namespace = colon < 0 ? project : text.slice(0, colon);
  const [name, ...steps] = parseSteps(colon < 0 ? text : text.slice(colon + 1), text);
  if (typeof name !== "string") throw malformed(text);
  return { key: `${namespace}:${name}`, steps };
}

function parseSteps(text: string, whole: string): (string | number)[] {
  if (text === "") return [];
  const match = step.exec(text);
  if (match === null) throw malformed(whole);
  const [all, quoted, index, word] = match;
  const first =
    quoted?.replace(/\\(.)/g, "$1") ?? (index === undefined ? (word ?? "") : Number(index));
  return [first, ...parseSteps(text.slice(all.length), whole)];
}

function malformed(text: string): EngineError {
  return new EngineError("invalid_config", `"${text}" is no key of a configuration`, {
    remedy: "Write it like echorator:host, echorator:ports.main or echorator:models[0].name.",
  });
}

/** What a value on the command line means inside a path: a number, a truth value, else the text itself. */
export function parseConfigValue(text: string): unknown {
  if (/^(true|false)$/.test(text) || /^-?(0|[1-9]\d{0,14})$/.test(text)) return JSON.parse(text);
  return parseStructure(text);
}

/** Objects and lists are stored as such; any other text stays as it is. */
export function parseStructure(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
