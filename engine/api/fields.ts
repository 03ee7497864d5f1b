/** Request fields that every dialect shares: tools, schemas, stop strings, and their bounds. */
import { z } from "zod";
import type { JsonSchema, JsonValue, ToolDefinition } from "../contract/chat.ts";
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";

/** The name that a client gives a model. */
export const ModelField = z
  .string({ error: "model is required" })
  .min(1, "model is required")
  .max(1_024);

/** Any JSON object; what is inside is checked by those who read it. */
export const JsonObject = z.record(z.string(), z.unknown());

/** A tool as Ollama's and OpenAI's clients write it. */
export const FunctionTool = z.object({
  type: z.literal("function", { error: "only tools of type function can be called here" }),
  function: z.object({
    name: z.string().regex(/^[\w.-]{1,128}$/, "a tool's name has letters, digits, _, - and ."),
    description: z.string().nullish(),
    parameters: JsonObject.nullish(),
  }),
});

export const FunctionTools = z.array(FunctionTool).max(limits.toolsMax);

/** @throws EngineError invalid_request when two tools have one name or a schema is too large */
export function toToolDefinitions(tools: z.output<typeof FunctionTools>): ToolDefinition[] {
  const names = new Set<string>();
  return tools.map(({ function: tool }, index) => {
    const field = `tools[${index}].function`;
    if (names.has(tool.name)) throw wrong(`${field}.name`, `"${tool.name}" is there twice`);
    names.add(tool.name);
    return {
      name: tool.name,
      ...(tool.description ? { description: tool.description } : {}),
      ...(tool.parameters ? { parameters: toSchema(tool.parameters, `${field}.parameters`) } : {}),
    };
  });
}

/**
 * A client's JSON schema within bounds; walked without recursion, since it may be deep on purpose.
 * @throws EngineError invalid_request
 */
export function toSchema(value: Record<string, unknown>, field: string): JsonSchema {
  const schema = value as JsonSchema;
  const queue: { value: JsonValue; depth: number }[] = [{ value: schema, depth: 0 }];
  let nodes = 0;
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { value, depth } = next;
    if (typeof value !== "object" || value === null) continue;
    nodes += 1;
    // One level of the schema is two of JSON: `properties` and the property.
    if (depth > limits.schemaDepthMax * 2 || nodes > limits.schemaNodesMax * 2)
      throw wrong(field, "the schema is too deep or too large");
    for (const inner of Object.values(value)) queue.push({ value: inner, depth: depth + 1 });
  }
  return schema;
}

/** Few, short, and none of them empty. @throws EngineError invalid_request */
export function checkStops(stops: string[], field: string): string[] {
  const fits = (stop: string) => stop.length > 0 && stop.length <= limits.stopCharactersMax;
  if (stops.length <= limits.stopsMax && stops.every(fits)) return stops;
  throw wrong(
    field,
    `at most ${limits.stopsMax} strings of 1 to ${limits.stopCharactersMax} characters`,
  );
}

/** A field that would change the reply's meaning and cannot be honoured. */
export function refuse(field: string, message: string, remedy?: string): EngineError {
  return new EngineError("unsupported", `${field}: ${message}`, {
    field,
    ...(remedy === undefined ? {} : { remedy }),
  });
}

export function wrong(field: string, message: string): EngineError {
  return new EngineError("invalid_request", `${field}: ${message}`, { field });
}
