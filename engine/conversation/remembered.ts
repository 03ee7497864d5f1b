/** Which words of a turn are remembered, and how they come back as messages. */
import type { JsonValue, Message, ToolCall } from "../contract/chat.ts";
import type { EventRole } from "../contract/memory.ts";
import type { StoredEvent } from "../stores/store.ts";

/** Said by the user > by the assistant > by tools, which repeat what anyone may have written. */
export const trustByRole = { user: 1, assistant: 0.7, tool: 0.3 } as const satisfies Record<
  EventRole,
  number
>;

export interface NewWords {
  role: EventRole;
  text: string;
}

/**
 * What this request adds to the conversation.
 * "stored": all that it brings. "given": the client repeats everything, so only the last user message and tool results
 * that came after the last answer are new.
 */
export function toNewWords(messages: readonly Message[], history: "stored" | "given"): NewWords[] {
  const said = messages.filter(message => message.role !== "system");
  if (history === "stored") return said.map(toWords).filter(isWorded);
  const whole = said.at(-1)?.role === "assistant" ? said.slice(0, -1) : said;
  const after = whole.slice(whole.findLastIndex(message => message.role === "assistant") + 1);
  const lastUser = after.findLast(message => message.role === "user");
  return after
    .filter(message => message.role === "tool" || message === lastUser)
    .map(toWords)
    .filter(isWorded);
}

function toWords(message: Exclude<Message, { role: "system" }>): NewWords {
  if (message.role !== "assistant") return { role: message.role, text: message.content };
  return { role: "assistant", text: renderAnswer(message.content, message.toolCalls ?? []) };
}

function isWorded(words: NewWords): boolean {
  return words.text.trim() !== "";
}

/** An answer as it is remembered: its text, then one line a tool call in the form that models write them in. */
export function renderAnswer(text: string, calls: readonly ToolCall[]): string {
  const lines = calls.map(
    ({ id, name, arguments: given }) =>
      `<tool_call>${JSON.stringify({ id, name, arguments: given })}</tool_call>`,
  );
  return [...(text === "" ? [] : [text]), ...lines].join("\n");
}

/** The message that an event was. */
export function toMessage(event: Pick<StoredEvent, "role" | "text">): Message {
  if (event.role !== "assistant") return { role: event.role, content: event.text };
  const toolCalls: ToolCall[] = [];
  const content = event.text.replace(/\n?<tool_call>(.*)<\/tool_call>$/gm, (whole, json) => {
    const call = parseCall(String(json));
    if (call === undefined) return whole;
    toolCalls.push(call);
    return "";
  });
  return { role: "assistant", content, ...(toolCalls.length > 0 ? { toolCalls } : {}) };
}

function parseCall(json: string): ToolCall | undefined {
  try {
    const call: JsonValue = JSON.parse(json);
    if (call === null || typeof call !== "object" || Array.isArray(call)) return undefined;
    const { id, name, arguments: given } = call;
    if (typeof id !== "string" || typeof name !== "string") return undefined;
    if (given === null || typeof given !== "object" || Array.isArray(given)) return undefined;
    return { id, name, arguments: given };
  } catch {
    // Text of the model that only looks like a call.
    return undefined;
  }
}

/** Templates want roles to alternate: what one said twice in a row becomes one message, words that got no answer included. */
export function mergeNeighbours(messages: readonly Message[]): Message[] {
  const merged: Message[] = [];
  for (const message of messages) {
    const last = merged.at(-1);
    const isSame = last?.role === "user" && message.role === "user";
    if (isSame)
      merged[merged.length - 1] = {
        role: "user",
        content: `${last.content}\n\n${message.content}`,
      };
    else merged.push(message);
  }
  return merged;
}
