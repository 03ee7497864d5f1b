/** From OpenAI's messages, tools and formats to the engine's. */
import type {
  JsonValue,
  Message,
  OutputFormat,
  Sampling,
  ToolCall,
  ToolChoice,
} from "../../contract/chat.ts";
import { EngineError } from "../../contract/errors.ts";
import { checkStops, refuse, toSchema, wrong } from "../fields.ts";
import type { ChatMessage, ChatRequest, CommonFields } from "./schemas.ts";

export function toMessages(messages: readonly ChatMessage[]): Message[] {
  const toolNames = new Map<string, string>();
  return messages.map((message, index) => {
    const field = `messages[${index}]`;
    const content = toText(message.content, `${field}.content`);
    switch (message.role) {
      case "developer":
      case "system":
        return { role: "system", content };
      case "user":
        return { role: "user", content };
      case "assistant": {
        const calls = (message.tool_calls ?? []).map((call, at) =>
          toToolCall(call, at, `${field}.tool_calls[${at}]`),
        );
        for (const call of calls) toolNames.set(call.id, call.name);
        return toAssistant(content, calls, message.reasoning_content);
      }
      case "tool":
        return toToolMessage(content, message.tool_call_id, toolNames);
      default:
        throw wrong(`${field}.role`, "it is developer, system, user, assistant or tool");
    }
  });
}

function toText(content: ChatMessage["content"], field: string): string {
  if (content === null || content === undefined) return "";
  if (typeof content === "string") return content;
  return content
    .map((part, index) => {
      if (part.type === "text" || part.type === "refusal") return part.text ?? "";
      throw refuse(`${field}[${index}]`, `this engine takes text only, not "${part.type}"`);
    })
    .join("");
}

function toAssistant(
  content: string,
  toolCalls: ToolCall[],
  thought: string | null | undefined,
): Message {
  return {
    role: "assistant",
    content,
    ...(toolCalls.length > 0 ? { toolCalls } : {}),
    ...(thought ? { thought } : {}),
  };
}

function toToolMessage(
  content: string,
  id: string | null | undefined,
  names: ReadonlyMap<string, string>,
): Message {
  const toolName = names.get(id ?? "");
  return {
    role: "tool",
    content,
    ...(id ? { toolCallId: id } : {}),
    ...(toolName === undefined ? {} : { toolName }),
  };
}

function toToolCall(
  call: NonNullable<ChatMessage["tool_calls"]>[number],
  index: number,
  field: string,
): ToolCall {
  const text = call.function.arguments || "{}";
  return {
    id: call.id ?? `call_${index}`,
    name: call.function.name,
    arguments: parseArguments(text, `${field}.function.arguments`),
  };
}

function parseArguments(text: string, field: string): ToolCall["arguments"] {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    throw wrong(field, "it is no valid JSON");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw wrong(field, "it is no JSON object");
}

export function toFormat(format: ChatRequest["response_format"]): OutputFormat | undefined {
  if (!format || format.type === "text") return undefined;
  if (format.type === "json_object") return { type: "json" };
  const { schema } = format.json_schema;
  if (!schema) return { type: "json" };
  return { type: "schema", schema: toSchema(schema, "response_format.json_schema.schema") };
}

export function toToolChoice(request: ChatRequest): ToolChoice | undefined {
  const choice = request.tool_choice;
  if (!choice) return undefined;
  if (typeof choice === "string") {
    if (choice === "required" && !request.tools?.length)
      throw wrong("tool_choice", "it is required, and there are no tools");
    return choice;
  }
  const { name } = choice.function;
  if (request.tools?.some(tool => tool.function.name === name)) return { name };
  throw wrong("tool_choice.function.name", `there is no tool "${name}"`);
}

export function toSampling(request: CommonFields): Sampling {
  const { temperature, top_p, presence_penalty, frequency_penalty, seed } = request;
  const named = {
    temperature,
    topP: top_p,
    presencePenalty: presence_penalty,
    frequencyPenalty: frequency_penalty,
    // Any integer is a seed for OpenAI's clients; samplers take what fits 32 bits.
    seed: typeof seed === "number" ? Math.abs(seed) % 4_294_967_296 : undefined,
  };
  return Object.fromEntries(
    Object.entries(named).filter(([, value]) => value !== null && value !== undefined),
  );
}

export function toStop(stop: CommonFields["stop"]): string[] | undefined {
  if (stop === null || stop === undefined) return undefined;
  return checkStops(typeof stop === "string" ? [stop] : stop, "stop");
}

/** Fields that ask for what the reply cannot hold. @throws EngineError unsupported with the field as `param` */
export function refuseImpossible(request: CommonFields): void {
  if ((request.n ?? 1) !== 1) throw refuse("n", "this engine makes one choice a request");
  // 0 is how the completions API asks for the chosen token's own probability.
  if (request.logprobs !== null && request.logprobs !== undefined && request.logprobs !== false)
    throw refuse("logprobs", "this engine does not report probabilities");
  if (request.top_logprobs)
    throw refuse("top_logprobs", "this engine does not report probabilities");
  if (Object.keys(request.logit_bias ?? {}).length > 0)
    throw refuse("logit_bias", "this engine cannot favour single tokens");
}

export function refuseImpossibleChat(request: ChatRequest): void {
  refuseImpossible(request);
  if (request.modalities?.some(one => one !== "text"))
    throw refuse("modalities", "this engine answers in text only");
  for (const field of ["audio", "functions", "function_call", "web_search_options"] as const)
    if (request[field] !== undefined && request[field] !== null)
      throw new EngineError("unsupported", `${field}: this engine cannot honour it`, { field });
}
