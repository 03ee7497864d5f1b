/** From Ollama's messages to the engine's. */
import type { Message, OutputFormat, ToolCall } from "../../contract/chat.ts";
import { refuse, toSchema, wrong } from "../fields.ts";
import type { ChatMessage, GenerationFields } from "./schemas.ts";

export function toMessages(messages: readonly ChatMessage[]): Message[] {
  return messages.map((message, index) => toMessage(message, `messages[${index}]`));
}

function toMessage(message: ChatMessage, field: string): Message {
  refuseImages(message.images, `${field}.images`);
  const content = message.content ?? "";
  switch (message.role) {
    case "system":
    case "user":
      return { role: message.role, content };
    case "assistant":
      return {
        role: "assistant",
        content,
        ...(message.thinking ? { thought: message.thinking } : {}),
        ...(message.tool_calls?.length ? { toolCalls: message.tool_calls.map(toToolCall) } : {}),
      };
    case "tool":
      return {
        role: "tool",
        content,
        ...(message.tool_name ? { toolName: message.tool_name } : {}),
        ...(message.tool_call_id ? { toolCallId: message.tool_call_id } : {}),
      };
    default:
      throw wrong(`${field}.role`, "it is system, user, assistant or tool");
  }
}

function toToolCall(call: NonNullable<ChatMessage["tool_calls"]>[number], index: number): ToolCall {
  return {
    id: call.id ?? `call_${index}`,
    name: call.function.name,
    arguments: (call.function.arguments ?? {}) as ToolCall["arguments"],
  };
}

export function refuseImages(images: unknown[] | null | undefined, field: string): void {
  if (images?.length) throw refuse(field, "this engine cannot look at images");
}

export function toFormat(format: GenerationFields["format"]): OutputFormat | undefined {
  if (format === null || format === undefined || format === "") return undefined;
  if (format === "json") return { type: "json" };
  return { type: "schema", schema: toSchema(format, "format") };
}
