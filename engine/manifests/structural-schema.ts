/** From JSON Schema to the structural schema that custom resources have: no additionalProperties: false, no numeric exclusive bounds, list kinds named. */
import type { JsonValue } from "../contract/chat.ts";

export interface StructuralSchema {
  type?: string;
  description?: string;
  properties?: Record<string, StructuralSchema>;
  items?: StructuralSchema;
  additionalProperties?: StructuralSchema;
  maxProperties?: number;
  required?: string[];
  default?: JsonValue;
  enum?: JsonValue[];
  pattern?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  "x-kubernetes-validations"?: Rule[];
  "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  "x-kubernetes-list-map-keys"?: string[];
  "x-kubernetes-preserve-unknown-fields"?: boolean;
}

export interface Rule {
  rule: string;
  message: string;
  fieldPath?: string;
  reason?: "FieldValueInvalid" | "FieldValueRequired";
}

/** What of a JSON Schema is read; the library's own type has more, and every other keyword is refused below. */
export interface JsonSchema {
  [keyword: string]: unknown;
}

/** Keywords that mean the same in both. */
const same = [
  "type",
  "description",
  "default",
  "enum",
  "pattern",
  "required",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
] as const;

const known = new Set<string>([
  ...same,
  "properties",
  "items",
  "additionalProperties",
  "exclusiveMinimum",
  "exclusiveMaximum",
  // Of map keys; the API bounds those of labels and annotations by itself.
  "propertyNames",
  "$schema",
]);

const mapEntriesMax = 64;

/** @throws when the schema says something that a structural one cannot */
export function toStructural(schema: JsonSchema, path = ""): StructuralSchema {
  const strange = Object.keys(schema).filter(keyword => !known.has(keyword));
  if (strange.length > 0)
    throw new Error(`${path || "the schema"}: ${strange.join(", ")} has no structural form`);
  const result: StructuralSchema = {};
  for (const keyword of same)
    if (schema[keyword] !== undefined) Object.assign(result, { [keyword]: schema[keyword] });
  return { ...result, ...toBounds(schema), ...toInner(schema, path) };
}

function toBounds(schema: JsonSchema): StructuralSchema {
  const { exclusiveMinimum: above, exclusiveMaximum: below } = schema;
  return {
    ...(typeof above === "number" ? { minimum: above, exclusiveMinimum: true } : {}),
    ...(typeof below === "number" ? { maximum: below, exclusiveMaximum: true } : {}),
  };
}

function toInner(schema: JsonSchema, path: string): StructuralSchema {
  const { properties, items, additionalProperties } = schema;
  return {
    ...(isSchema(properties)
      ? {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, inner]) => [
              name,
              toStructural(inner as JsonSchema, `${path}.${name}`),
            ]),
          ),
        }
      : {}),
    ...(isSchema(items)
      ? { items: toStructural(items, `${path}[]`), "x-kubernetes-list-type": "atomic" }
      : {}),
    ...(isSchema(additionalProperties)
      ? {
          additionalProperties: toStructural(additionalProperties, `${path}{}`),
          maxProperties: mapEntriesMax,
        }
      : {}),
  };
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null;
}

/** The schema at `path` (`scaling.windows[]`). @throws when there is none: the contract was renamed */
export function schemaAt(root: StructuralSchema, path: string): StructuralSchema {
  const steps = path.split(/\.|(?=\[\])/).filter(Boolean);
  return steps.reduce((schema, step) => {
    const next = step === "[]" ? schema.items : schema.properties?.[step];
    if (next === undefined) throw new Error(`the specification has no ${path}`);
    return next;
  }, root);
}
