/** The rules by which the scripted model answers: from the messages alone, in the manner of the bundled model. */
import type {
  GenerateRequest,
  JsonSchema,
  JsonValue,
  Message,
  ToolDefinition,
} from "../contract/chat.ts";
import type { ScriptedReply } from "./scripted.ts";

/** A JSON form is filled, a tool that fits is called, a told fact is repeated, anything else is said back. */
export function answerByRules(request: GenerateRequest): ScriptedReply {
  const { input, format } = request;
  if (format?.type === "json") return { text: "{}" };
  if (format?.type === "schema") return { text: renderJson(toExample(format.schema)) };
  if (input.kind === "prompt") return { text: `You said: ${input.prompt}` };
  const tool = chooseTool(input.messages, input.tools ?? [], input.toolChoice ?? "auto");
  if (tool !== undefined) return { toolCalls: [{ name: tool.name, arguments: toArguments(tool) }] };
  const last = input.messages.at(-1);
  if (last?.role === "tool") return { text: `The tool says: ${last.content}` };
  return { text: answerText(input.messages) };
}

function answerText(messages: readonly Message[]): string {
  const asked = lastUserText(messages);
  if (/\bwhat('s| is) my name\b/i.test(asked)) {
    const name = findTold(messages, /\bmy name is ([\p{L}\p{N}'-]+)/giu);
    return name === undefined ? "I do not know your name." : `Your name is ${name}.`;
  }
  const told = /\bwhat('s| is) my ([\p{L} ]{1,40}?)\?/iu.exec(asked)?.[2];
  if (told !== undefined) {
    const value = findTold(messages, new RegExp(`\\bmy ${told} is ([\\p{L}\\p{N}'-]+)`, "giu"));
    return value === undefined ? `I do not know your ${told}.` : `Your ${told} is ${value}.`;
  }
  return `You said: ${asked}`;
}

function lastUserText(messages: readonly Message[]): string {
  return messages.findLast(message => message.role === "user")?.content ?? "";
}

/** The value that was told last, in any message. */
function findTold(messages: readonly Message[], pattern: RegExp): string | undefined {
  return messages.flatMap(message => [...message.content.matchAll(pattern)]).at(-1)?.[1];
}

function chooseTool(
  messages: readonly Message[],
  tools: readonly ToolDefinition[],
  choice: "auto" | "none" | "required" | { name: string },
): ToolDefinition | undefined {
  if (choice === "none" || messages.at(-1)?.role !== "user") return undefined;
  if (typeof choice === "object") return tools.find(tool => tool.name === choice.name);
  if (choice === "required") return tools[0];
  const asked = lastUserText(messages).toLowerCase();
  return tools.find(tool =>
    tool.name
      .split(/[^\p{L}\p{N}]+/u)
      .some(word => word.length > 3 && asked.includes(word.toLowerCase())),
  );
}

function toArguments(tool: ToolDefinition): { [key: string]: JsonValue } {
  const example = toExample(tool.parameters ?? { type: "object" });
  return isObject(example) ? example : {};
}

/** The smallest plain value that a schema allows; enough for schemas of everyday form. */
function toExample(schema: JsonSchema): JsonValue {
  if (schema.const !== undefined) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0] ?? null;
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case "string":
      return "text";
    case "integer":
    case "number":
      return typeof schema.minimum === "number" ? schema.minimum : 1;
    case "boolean":
      return true;
    case "array":
      return toExampleArray(schema);
    case "null":
      return null;
    default:
      return toExampleObject(schema.properties);
  }
}

function toExampleArray(schema: JsonSchema): JsonValue {
  if (!isObject(schema.items)) return [];
  const item = toExample(schema.items);
  const length = typeof schema.minItems === "number" ? Math.min(schema.minItems, 1_000) : 1;
  return Array.from({ length }, () => item);
}

function toExampleObject(properties: JsonValue | undefined): JsonValue {
  if (!isObject(properties)) return {};
  return Object.fromEntries(
    Object.entries(properties).map(([key, value]) => [
      key,
      isObject(value) ? toExample(value) : null,
    ]),
  );
}

function isObject(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** One line with a space after commas and colons, as the bundled model writes JSON. */
function renderJson(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(renderJson).join(", ")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const entries = Object.entries(value).map(
    ([key, inner]) => `${JSON.stringify(key)}: ${renderJson(inner)}`,
  );
  return `{${entries.join(", ")}}`;
}
