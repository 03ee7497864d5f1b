/** Reads a JSON schema that came from a client: bounded, each keyword understood or refused by name, references followed. */
import type { JsonSchema, JsonValue } from "../../contract/chat.ts";
import { EngineError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";

export interface SchemaReader {
  readonly schema: JsonSchema;
  /** Where it stands in the request: `format.schema.properties.age`. */
  readonly path: string;
  /** What `$ref` or a lone `allOf` stands for; undefined when this is itself a schema. */
  follow(): { path: string; reader: SchemaReader } | undefined;
  /** Refuses constraints that stand beside `keyword`, where they would be lost. */
  refuseBeside(keyword: string): void;
  /** The types that it names or that its keywords imply; none = any value. */
  types(): string[];
  has(keyword: string): boolean;
  hasSchema(keyword: string): boolean;
  at(keyword: string): SchemaReader;
  list(keyword: string): SchemaReader[] | undefined;
  /** Values to choose among; at least one. */
  values(keyword: string): JsonValue[];
  entries(keyword: string): [name: string, reader: SchemaReader][];
  texts(keyword: string): string[];
  count(keyword: string): number | undefined;
  numbers(): Partial<Record<(typeof numberKeywords)[number], number>>;
}

const numberKeywords = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] as const;

/** Keywords that describe and do not constrain. */
const annotations = [
  ..."$schema $id $anchor $comment title description default example examples".split(" "),
  ..."deprecated readOnly writeOnly contentEncoding contentMediaType strict".split(" "),
];
const understood = new Set([
  ...annotations,
  ..."$ref $defs definitions allOf anyOf oneOf type enum const nullable format".split(" "),
  ..."properties required additionalProperties items prefixItems".split(" "),
  ..."minItems maxItems minLength maxLength".split(" "),
  ...numberKeywords,
]);

/** What may stand beside a keyword that decides alone. */
const besides = new Set([...annotations, "$defs", "definitions", "type"]);

/** Repetitions that a grammar can count. */
const countMax = 1_000;

export function createSchemaReader(root: JsonSchema, path: string): SchemaReader {
  refuseLarge(root, path);
  return toReader(root, path, root, path);
}

export function unsupportedSchema(what: string, field: string): EngineError {
  return new EngineError("unsupported", `Output cannot be held to ${what} (${field}).`, {
    field,
    remedy: "Leave it out of the schema and check the reply yourself.",
  });
}

function toReader(
  schema: JsonSchema,
  path: string,
  root: JsonSchema,
  rootPath: string,
): SchemaReader {
  const unknown = Object.keys(schema).find(keyword => !understood.has(keyword));
  if (unknown !== undefined) throw unsupportedSchema(`"${unknown}"`, `${path}.${unknown}`);
  const read = (value: JsonValue | undefined, at: string): SchemaReader => {
    if (value === true) return toReader({}, at, root, rootPath);
    if (!isObject(value)) throw wrongSchema(at, "a schema");
    return toReader(value, at, root, rootPath);
  };
  const reader: SchemaReader = {
    schema,
    path,
    follow: () => follow(schema, path, root, rootPath),
    refuseBeside(keyword) {
      const lost = Object.keys(schema).find(one => one !== keyword && !besides.has(one));
      if (lost !== undefined)
        throw unsupportedSchema(`"${lost}" beside "${keyword}"`, `${path}.${lost}`);
    },
    types: () => typesOf(schema, path),
    has: keyword => schema[keyword] !== undefined,
    hasSchema: keyword => isObject(schema[keyword]) || schema[keyword] === true,
    at: keyword => read(schema[keyword], `${path}.${keyword}`),
    list(keyword) {
      const value = schema[keyword];
      if (value === undefined) return undefined;
      if (!Array.isArray(value) || value.length === 0)
        throw wrongSchema(`${path}.${keyword}`, "a list of schemas");
      return value.map((one, index) => read(one, `${path}.${keyword}[${index}]`));
    },
    values(keyword) {
      const value = schema[keyword];
      if (!Array.isArray(value) || value.length === 0)
        throw wrongSchema(`${path}.${keyword}`, "a list of values");
      return value;
    },
    entries(keyword) {
      const value = schema[keyword] ?? {};
      if (!isObject(value)) throw wrongSchema(`${path}.${keyword}`, "an object of schemas");
      return Object.entries(value).map(([name, one]) => [
        name,
        read(one, `${path}.${keyword}.${name}`),
      ]);
    },
    texts(keyword) {
      const value = schema[keyword] ?? [];
      if (!Array.isArray(value) || value.some(one => typeof one !== "string"))
        throw wrongSchema(`${path}.${keyword}`, "a list of strings");
      return value as string[];
    },
    count(keyword) {
      const value = schema[keyword];
      if (value === undefined) return undefined;
      if (typeof value !== "number" || !Number.isInteger(value) || value < 0)
        throw wrongSchema(`${path}.${keyword}`, "a number from 0 on");
      if (value > countMax)
        throw unsupportedSchema(`"${keyword}" above ${countMax}`, `${path}.${keyword}`);
      return value;
    },
    numbers() {
      const found: Partial<Record<(typeof numberKeywords)[number], number>> = {};
      for (const keyword of numberKeywords) {
        const value = schema[keyword];
        if (value === undefined) continue;
        if (typeof value !== "number") throw wrongSchema(`${path}.${keyword}`, "a number");
        found[keyword] = value;
      }
      return found;
    },
  };
  return reader;
}

function follow(
  schema: JsonSchema,
  path: string,
  root: JsonSchema,
  rootPath: string,
): { path: string; reader: SchemaReader } | undefined {
  const { $ref: reference, allOf } = schema;
  if (allOf !== undefined) {
    const merged = mergeAll(schema, path);
    return { path: `${path}.allOf`, reader: toReader(merged, path, root, rootPath) };
  }
  if (reference === undefined) return undefined;
  const lost = Object.keys(schema).find(one => one !== "$ref" && !besides.has(one));
  if (lost !== undefined) throw unsupportedSchema(`"${lost}" beside "$ref"`, `${path}.${lost}`);
  if (typeof reference !== "string" || !/^#(\/|$)/.test(reference))
    throw unsupportedSchema('"$ref" to another document', `${path}.$ref`);
  let target: JsonValue | undefined = root;
  const steps = reference.split("/").slice(1);
  for (const step of steps) {
    const name = decodeStep(step).replace(/~1/g, "/").replace(/~0/g, "~");
    target = isObject(target) && Object.hasOwn(target, name) ? target[name] : undefined;
  }
  if (!isObject(target)) throw wrongSchema(`${path}.$ref`, "a reference to a schema that is there");
  // A schema that refers to itself and to nothing else has no end.
  if (target === schema) throw wrongSchema(`${path}.$ref`, "a reference to another schema");
  const targetPath = [rootPath, ...steps].join(".");
  return { path: targetPath, reader: toReader(target, targetPath, root, rootPath) };
}

/** A step of a reference; what is no percent-encoding stands for itself. */
function decodeStep(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

/** `allOf` of object schemas as one of them; of a single schema as that schema. */
function mergeAll(schema: JsonSchema, path: string): JsonSchema {
  const { allOf, ...own } = schema;
  if (!Array.isArray(allOf) || allOf.length === 0 || !allOf.every(isObject))
    throw wrongSchema(`${path}.allOf`, "a list of schemas");
  const parts = [own, ...allOf];
  const merged: JsonSchema = {};
  for (const part of parts)
    for (const [keyword, value] of Object.entries(part)) {
      const before = merged[keyword];
      if (before === undefined || annotations.includes(keyword)) merged[keyword] = value;
      else if (keyword === "properties" && isObject(before) && isObject(value))
        merged[keyword] = { ...before, ...value };
      else if (keyword === "required" && Array.isArray(before) && Array.isArray(value))
        merged[keyword] = [...new Set([...before, ...value])];
      else if (JSON.stringify(before) !== JSON.stringify(value))
        throw unsupportedSchema(`"allOf" with two of "${keyword}"`, `${path}.allOf`);
    }
  return merged;
}

function typesOf(schema: JsonSchema, path: string): string[] {
  const { type } = schema;
  const named = Array.isArray(type) ? type : type === undefined ? implied(schema) : [type];
  if (named.some(one => typeof one !== "string"))
    throw wrongSchema(`${path}.type`, "a type's name");
  const types = named as string[];
  return schema.nullable === true && types.length > 0 ? [...types, "null"] : types;
}

function implied(schema: JsonSchema): string[] {
  const has = (...keywords: string[]) => keywords.some(keyword => schema[keyword] !== undefined);
  if (has("properties", "required", "additionalProperties")) return ["object"];
  if (has("items", "prefixItems", "minItems", "maxItems")) return ["array"];
  if (has("minLength", "maxLength", "format")) return ["string"];
  return has(...numberKeywords) ? ["number"] : [];
}

/** Depth and size are counted before anything is read, so that a hostile schema costs nothing. */
function refuseLarge(root: JsonSchema, path: string): void {
  let nodes = 0;
  const visit = (value: JsonValue, depth: number): void => {
    nodes += 1;
    if (nodes > limits.schemaNodesMax)
      throw unsupportedSchema(`a schema of more than ${limits.schemaNodesMax} parts`, path);
    // A schema inside a schema is two levels: the keyword and the schema.
    if (depth > 2 * limits.schemaDepthMax)
      throw unsupportedSchema(`a schema deeper than ${limits.schemaDepthMax}`, path);
    if (typeof value !== "object" || value === null) return;
    for (const inner of Object.values(value)) visit(inner, depth + 1);
  };
  visit(root, 0);
}

function wrongSchema(field: string, wanted: string): EngineError {
  return new EngineError("invalid_request", `${field} is not ${wanted}.`, { field });
}

function isObject(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
