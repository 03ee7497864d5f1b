/** The README's table of configuration, written from the schema, so that there is no second description. */
import { z } from "zod";
import { deploymentFields, EngineConfig } from "../../engine/contract/config.ts";

interface Field {
  type?: string | string[];
  enum?: unknown[];
  default?: unknown;
  description?: string;
  properties?: Record<string, Field>;
  items?: Field;
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
  const rows = fields.flatMap(([name, field]) => toRows(`echorator:${name}`, field));
  return ["| key | takes | default | what it does |", "| --- | --- | --- | --- |", ...rows].join(
    "\n",
  );
}

function toRows(path: string, field: Field): string[] {
  const inner = field.properties ?? field.items?.properties;
  const mark = field.items?.properties === undefined ? "" : "[]";
  const rows = Object.entries(inner ?? {}).flatMap(([name, child]) =>
    toRows(`${path}${mark}.${name}`, child),
  );
  if (inner !== undefined && field.description === undefined) return rows;
  return [toRow(path, field, inner !== undefined), ...rows];
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
