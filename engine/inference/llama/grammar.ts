/** Grammars (GBNF) that hold a reply to a JSON schema or to a tool call, as one line with a space after commas and colons. */
import type { JsonValue, OutputFormat, ToolDefinition } from "../../contract/chat.ts";
import type { ToolForm } from "./chat-template.ts";
import { integerRange } from "./grammar-ranges.ts";
import { createSchemaReader, type SchemaReader, unsupportedSchema } from "./schema-reader.ts";

export interface GrammarWish {
  format: OutputFormat;
  /** Tools that may be called; the reply may be a call instead of the format. */
  tools: readonly ToolDefinition[];
  /** Whether nothing but a call will do. */
  mustCall: boolean;
  toolForm: ToolForm;
}

/**
 * The grammar for a reply; undefined when it is free.
 * @throws EngineError unsupported, naming the keyword and its field
 */
export function toReplyGrammar(wish: GrammarWish): string | undefined {
  const rules = createRules();
  const calls = () => toCallRule(rules, wish);
  if (wish.mustCall) return rules.render(calls());
  if (wish.format.type === "text") return undefined;
  const reply =
    wish.format.type === "json"
      ? rules.json("object")
      : toSchemaRule(rules, createSchemaReader(wish.format.schema, "format.schema"));
  return rules.render(wish.tools.length === 0 ? reply : `${reply} | ${calls()}`);
}

function toCallRule(rules: Rules, wish: GrammarWish): string {
  const key = wish.toolForm === "bare" ? "parameters" : "arguments";
  const calls = wish.tools.map((tool, index) => {
    const field = `tools[${index}].parameters`;
    const schema = tool.parameters ?? { type: "object" };
    const given = toSchemaRule(rules, createSchemaReader({ type: "object", ...schema }, field));
    return `${quote(`{"name": ${JSON.stringify(tool.name)}, "${key}": `)} (${given}) "}"`;
  });
  const call = rules.add(calls.join(" | "));
  if (wish.toolForm === "bare") return call;
  return `"<tool_call>" "\\n"? ${call} "\\n"? "</tool_call>"`;
}

interface Rules {
  /** A new rule; its name. */
  add(body: string): string;
  /** A rule made once for each key; `make` may refer to itself. */
  once(key: string, make: () => string): string;
  /** The rule of any JSON value of a kind. */
  json(kind: "value" | "object" | "array" | "string" | "number" | "char"): string;
  render(root: string): string;
}

const jsonRules = {
  value: 'object | array | string | number | "true" | "false" | "null"',
  object: '"{" (string ": " value (", " string ": " value)*)? "}"',
  array: '"[" (value (", " value)*)? "]"',
  string: '"\\"" char* "\\""',
  char: '[^"\\\\\\x00-\\x1F\\x7F] | "\\\\" (["\\\\/bfnrt] | "u" [0-9a-fA-F]{4})',
  number: '"-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,3})?',
} as const;

function createRules(): Rules {
  const bodies = new Map<string, string>();
  const names = new Map<string, string>();
  const nextName = () => `r${bodies.size}`;
  return {
    add(body) {
      const name = nextName();
      bodies.set(name, body);
      return name;
    },
    once(key, make) {
      const known = names.get(key);
      if (known !== undefined) return known;
      const name = nextName();
      names.set(key, name);
      bodies.set(name, "");
      bodies.set(name, make());
      return name;
    },
    json: kind => kind,
    render(root) {
      const all = [["root", root], ...bodies, ...Object.entries(jsonRules)];
      return `${all.map(([name, body]) => `${name} ::= ${body}`).join("\n")}\n`;
    },
  };
}

function toSchemaRule(rules: Rules, reader: SchemaReader): string {
  const { schema } = reader;
  const target = reader.follow();
  if (target !== undefined)
    return rules.once(target.path, () => toSchemaRule(rules, target.reader));
  if (schema.const !== undefined) return quote(renderCompact(schema.const));
  if (schema.enum !== undefined)
    return oneOf(reader.values("enum").map(one => quote(renderCompact(one))));
  const keyword = reader.has("anyOf") ? "anyOf" : "oneOf";
  const choices = reader.list(keyword);
  if (choices !== undefined) reader.refuseBeside(keyword);
  if (choices !== undefined) return oneOf(choices.map(one => rules.add(toSchemaRule(rules, one))));
  const types = reader.types();
  if (types.length === 0) return rules.json("value");
  return oneOf(types.map(type => toTypeRule(rules, reader, type)));
}

function toTypeRule(rules: Rules, reader: SchemaReader, type: string): string {
  switch (type) {
    case "object":
      return toObjectRule(rules, reader);
    case "array":
      return toArrayRule(rules, reader);
    case "string":
      return toStringRule(rules, reader);
    case "integer":
      return toIntegerRule(reader);
    case "number":
      return toNumberRule(rules, reader);
    case "boolean":
      return oneOf(['"true"', '"false"']);
    case "null":
      return '"null"';
    default:
      throw unsupportedSchema(`the type "${type}"`, `${reader.path}.type`);
  }
}

/** Properties in the schema's order; those that are not required may be left out; others follow where they are allowed. */
function toObjectRule(rules: Rules, reader: SchemaReader): string {
  const properties = reader.entries("properties");
  const required = new Set(reader.texts("required"));
  const declared = new Set(properties.map(([name]) => name));
  const missing = [...required].find(name => !declared.has(name));
  if (missing !== undefined)
    throw unsupportedSchema(`required "${missing}" without a property of that name`, reader.path);
  const others = toOthersRule(rules, reader, properties.length === 0);
  const pairs = properties.map(([name, inner]) =>
    rules.add(`${quote(`${JSON.stringify(name)}: `)} (${toSchemaRule(rules, inner)})`),
  );
  const from = (index: number, first: boolean): string =>
    rules.once(`${reader.path}#${index}${first}`, () => {
      const pair = pairs[index];
      if (pair === undefined) return restRule(others, first);
      const taken = `${first ? "" : '", " '}${pair} ${from(index + 1, false)}`;
      const name = properties[index]?.[0] ?? "";
      return required.has(name) ? taken : `${taken} | ${from(index + 1, first)}`;
    });
  return `"{" ${from(0, true)} "}"`;
}

function restRule(others: string | undefined, first: boolean): string {
  if (others === undefined) return '""';
  return first ? `(${others} (", " ${others})*)?` : `(", " ${others})*`;
}

/** The rule of further properties; a schema without properties that says nothing allows any. */
function toOthersRule(rules: Rules, reader: SchemaReader, isEmpty: boolean): string | undefined {
  const allowed = reader.schema.additionalProperties ?? (isEmpty ? true : undefined);
  if (allowed === undefined || allowed === false) return undefined;
  const value =
    allowed === true ? rules.json("value") : toSchemaRule(rules, reader.at("additionalProperties"));
  return rules.add(`${rules.json("string")} ": " (${value})`);
}

function toArrayRule(rules: Rules, reader: SchemaReader): string {
  const first = (reader.list("prefixItems") ?? []).map(one => rules.add(toSchemaRule(rules, one)));
  const closed = reader.schema.items === false || (first.length > 0 && !reader.has("items"));
  const item = reader.hasSchema("items")
    ? rules.add(toSchemaRule(rules, reader.at("items")))
    : rules.json("value");
  const min = Math.max(reader.count("minItems") ?? 0, first.length);
  const max = closed ? first.length : reader.count("maxItems");
  if (max !== undefined && max < min)
    throw unsupportedSchema("more items at least than at most", `${reader.path}.maxItems`);
  if (max === 0) return '"[]"';
  if (first.length > 0) {
    const rest =
      max === first.length
        ? ""
        : ` (", " ${item})${repeat(min - first.length, max && max - first.length)}`;
    return `"[" ${first.join(' ", " ')}${rest} "]"`;
  }
  const some = `${item} (", " ${item})${repeat(Math.max(0, min - 1), max && max - 1)}`;
  return min === 0 ? `"[" (${some})? "]"` : `"[" ${some} "]"`;
}

const formats: Record<string, string> = {
  date: '[0-9]{4} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | [12] [0-9] | "3" [01])',
  time: '([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,9})? ("Z" | [-+] ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9])',
  uuid: '[0-9a-f]{8} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{12}',
  email: '[a-zA-Z0-9._+-]{1,64} "@" [a-zA-Z0-9-]{1,63} ("." [a-zA-Z0-9-]{1,63}){1,4}',
  uri: '[a-z] [a-z0-9+.-]{0,15} "://" [!#-;=?-Z_a-z~%]{1,512}',
};

function toStringRule(rules: Rules, reader: SchemaReader): string {
  const format = reader.schema.format;
  if (format === undefined) {
    const [min, max] = [reader.count("minLength"), reader.count("maxLength")];
    if (min === undefined && max === undefined) return rules.json("string");
    // llama.cpp would count from the larger to the smaller until no memory is left.
    if (max !== undefined && max < (min ?? 0))
      throw unsupportedSchema("a longer text at least than at most", `${reader.path}.maxLength`);
    return `"\\"" ${rules.json("char")}${repeat(min ?? 0, max)} "\\""`;
  }
  if (reader.has("minLength") || reader.has("maxLength"))
    throw unsupportedSchema('a length beside "format"', `${reader.path}.format`);
  const known = format === "date-time" ? `${formats.date} "T" ${formats.time}` : undefined;
  const body = known ?? (typeof format === "string" ? formats[format] : undefined);
  if (body === undefined)
    throw unsupportedSchema(`the format ${JSON.stringify(format)}`, `${reader.path}.format`);
  return `"\\"" ${body} "\\""`;
}

function toIntegerRule(reader: SchemaReader): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = reader.numbers();
  const lows = [minimum === undefined ? [] : Math.ceil(minimum)].flat();
  const highs = [maximum === undefined ? [] : Math.floor(maximum)].flat();
  if (exclusiveMinimum !== undefined) lows.push(Math.floor(exclusiveMinimum) + 1);
  if (exclusiveMaximum !== undefined) highs.push(Math.ceil(exclusiveMaximum) - 1);
  const low = Math.max(Number.NEGATIVE_INFINITY, ...lows);
  const high = Math.min(Number.POSITIVE_INFINITY, ...highs);
  if (low > high) throw unsupportedSchema("a range that holds no integer", reader.path);
  const range = integerRange(low, high);
  if (range === undefined) throw unsupportedSchema("integers of more than 15 digits", reader.path);
  return range;
}

function toNumberRule(rules: Rules, reader: SchemaReader): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = reader.numbers();
  if (maximum !== undefined || exclusiveMaximum !== undefined || exclusiveMinimum !== undefined)
    throw unsupportedSchema("a bound of a number that is no integer", reader.path);
  if (minimum === undefined) return rules.json("number");
  if (minimum !== 0)
    throw unsupportedSchema("a minimum other than 0 of a number that is no integer", reader.path);
  return '("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,15})?';
}

function oneOf(choices: readonly string[]): string {
  return choices.length === 1 ? (choices[0] ?? '""') : `(${choices.join(" | ")})`;
}

function repeat(min: number, max: number | undefined): string {
  if (max === undefined) return min === 0 ? "*" : `{${min},}`;
  return `{${min},${max}}`;
}

/** A literal of GBNF. */
function quote(text: string): string {
  const escaped = text
    .replace(/\\/g, "\\\\")
    .replace(/"/g, '\\"')
    .replace(/\n/g, "\\n")
    .replace(/\r/g, "\\r")
    .replace(/\t/g, "\\t");
  return `"${escaped}"`;
}

function renderCompact(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(renderCompact).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(
    ([key, inner]) => `${JSON.stringify(key)}: ${renderCompact(inner)}`,
  );
  return `{${entries.join(", ")}}`;
}
