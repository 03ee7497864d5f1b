/** The README's table of configuration, written from the schema, so that there is no second description. */
import { z } from "zod";
import { deploymentFields, EngineConfig } from "../../engine/contract/config.ts";
import { Platform } from "../../engine/contract/platform.ts";

interface Field {
  type?: string | string[];
  enum?: unknown[];
  default?: unknown;
  description?: string;
  properties?: Record<string, Field>;
  items?: Field;
  /** Of the values of a map. */
  additionalProperties?: Field | boolean;
  /** Variants that one field tells apart. */
  anyOf?: Field[];
  oneOf?: Field[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
}

/** One row a field: `echorator:` key, what it takes, its default, what it means. */
export function renderConfigurationTable(): string {
  const schema = z.toJSONSchema(EngineConfig, { io: "input" }) as Field;
  const deployed: readonly string[] = deploymentFields;
  const fields = Object.entries(schema.properties ?? {}).filter(
    ([name]) => !deployed.includes(name),
  );
  const platform = z.toJSONSchema(Platform, { io: "input" }) as Field;
  const rows = [
    ...fields.flatMap(([name, field]) => toRows(`echorator:${name}`, field)),
    ...toRows("echorator:platform", {
      ...platform,
      description: "The cluster, with `target: kubernetes` alone.",
    }),
  ];
  return ["| key | takes | default | what it does |", "| --- | --- | --- | --- |", ...rows].join(
    "\n",
  );
}

function toRows(path: string, given: Field): string[] {
  const variants = given.properties ?? mergeVariants(given);
  const field = variants === undefined ? given : { ...given, properties: variants };
  const values = typeof field.additionalProperties === "object" ? field.additionalProperties : {};
  const inner = field.properties ?? field.items?.properties ?? values.properties;
  const mark = innerMark(field);
  const rows = Object.entries(inner ?? {}).flatMap(([name, child]) =>
    toRows(`${path}${mark}.${name}`, child),
  );
  if (inner !== undefined && field.description === undefined) return rows;
  return [toRow(path, field, inner !== undefined), ...rows];
}

function innerMark(field: Field): string {
  if (field.properties !== undefined) return "";
  return field.items?.properties === undefined ? ".<name>" : "[]";
}

/** The fields of all variants; the one that tells them apart takes any of its values. */
function mergeVariants({ anyOf, oneOf }: Field): Record<string, Field> | undefined {
  const variants = (anyOf ?? oneOf ?? []).flatMap(({ properties }) => properties ?? []);
  if (variants.length === 0) return undefined;
  const merged: Record<string, Field> = {};
  for (const [name, field] of variants.flatMap(Object.entries) as [string, Field][]) {
    const known = merged[name];
    if (field.const === undefined) merged[name] = known ?? field;
    else
      merged[name] = {
        enum: [...(known?.enum ?? []), field.const],
        description: meaning(known, field),
      };
  }
  return merged;
}

function meaning(known: Field | undefined, { const: value, description = "" }: Field): string {
  return [known?.description, `\`${value}\`: ${description}`].filter(Boolean).join(" ");
}

function toRow(path: string, field: Field, isGroup: boolean): string {
  const fallback = field.default === undefined ? "" : `\`${JSON.stringify(field.default)}\``;
  const cells = [`\`${path}\``, toTaken(field), isGroup ? "" : fallback, field.description ?? ""];
  return `| ${cells.join(" | ")} |`;
}

function toTaken(field: Field): string {
  if (field.enum !== undefined) return field.enum.map(value => `\`${value}\``).join(", ");
  if (field.type === "array") return `list of ${field.items?.properties ? "maps" : "strings"}`;
  if (field.type === "object") return "map";
  const bounded = field.minimum !== undefined && (field.maximum ?? 1e15) < 1e15;
  return bounded ? `${field.type} ${field.minimum}–${field.maximum}` : String(field.type);
}
