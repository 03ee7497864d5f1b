/** Chat templates: messages and tools to the text that a model was trained on, by the Jinja template in its file. */
import { Template } from "@huggingface/jinja";
import type { JsonSchema, JsonValue, Message, ToolDefinition } from "../../contract/chat.ts";
import { EngineError } from "../../contract/errors.ts";
import { createMarkupGuards, type PromptPart } from "./markup-guard.ts";

/** How a model writes a call: `<tool_call>{…}</tool_call>`, or the bare JSON of Llama 3. */
export type ToolForm = "hermes" | "bare";

export interface ChatInput {
  messages: readonly Message[];
  tools: readonly ToolDefinition[];
  responseSchema: JsonSchema | undefined;
}

export interface RenderedChat {
  parts: PromptPart[];
  /** Strings that end a reply because the template's markup is no token of the model. */
  stops: string[];
  toolForm: ToolForm;
}

export interface ChatTemplate {
  /** @throws EngineError invalid_request when the template refuses these messages */
  render(input: ChatInput): RenderedChat;
}

export interface ChatTemplateOptions {
  /** The template of the file; ChatML when it has none. */
  source: string | undefined;
  bosToken: string;
  eosToken: string;
  /** The texts of the model's special tokens. */
  specials: readonly string[];
  warn: (message: string) => void;
}

const chatMl =
  "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}" +
  "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
const chatMlStops = ["<|im_end|>", "<|im_start|>"];

export function createChatTemplate(options: ChatTemplateOptions): ChatTemplate {
  const newGuard = createMarkupGuards([...options.specials, ...chatMlStops]);
  const own = parseTemplate(options);
  const fallback = new Template(chatMl);
  let warned = false;

  const renderOwn = (template: Template, source: string, input: ChatInput): RenderedChat => {
    const guard = newGuard();
    const form = toolFormOf(source);
    const said = form === undefined ? withToolsAsText(input) : input;
    const variables = toVariables(said, options, value => guard.protect(value));
    const parts = guard.split(renderPatiently(template, source, variables));
    return { parts, stops: [], toolForm: form ?? "hermes" };
  };
  const renderFallback = (input: ChatInput): RenderedChat => {
    const guard = newGuard();
    const variables = toVariables(withToolsAsText(input), options, value => guard.protect(value));
    const parts = guard.split(fallback.render(variables));
    return { parts, stops: chatMlStops, toolForm: "hermes" };
  };

  return {
    render(input) {
      if (own === undefined) return renderFallback(input);
      try {
        return renderOwn(own.template, own.source, input);
      } catch (error) {
        if (error instanceof EngineError) throw error;
        if (!warned) options.warn(`the chat template fails, ChatML is used: ${describe(error)}`);
        warned = true;
        return renderFallback(input);
      }
    },
  };
}

function parseTemplate(
  options: ChatTemplateOptions,
): { template: Template; source: string } | undefined {
  if (options.source === undefined) {
    options.warn("the file has no chat template, ChatML is used");
    return undefined;
  }
  try {
    return { template: new Template(options.source), source: options.source };
  } catch (error) {
    options.warn(`the chat template cannot be read, ChatML is used: ${describe(error)}`);
    return undefined;
  }
}

/** undefined: the template says nothing of tools, or in a form that is not understood here. */
function toolFormOf(source: string): ToolForm | undefined {
  if (!source.includes("tools")) return undefined;
  if (source.includes("<tool_call>")) return "hermes";
  return /["']parameters["']/.test(source) && !source.includes("[TOOL_CALLS]") ? "bare" : undefined;
}

/** Some templates refuse a system message or two messages of one role in a row; what they mean can still be said. */
function renderPatiently(
  template: Template,
  source: string,
  variables: { [key: string]: JsonValue },
): string {
  try {
    return template.render(variables);
  } catch (error) {
    if (!isRefusal(error, source)) throw error;
  }
  try {
    return template.render({ ...variables, messages: mergeMessages(variables.messages) });
  } catch (error) {
    if (!isRefusal(error, source)) throw error;
    const message = `The model's chat template refuses these messages: ${describe(error)}.`;
    throw new EngineError("invalid_request", message, { field: "messages" });
  }
}

/** `raise_exception("…")` throws the sentence that stands in the template. */
function isRefusal(error: unknown, source: string): boolean {
  return error instanceof Error && error.message !== "" && source.includes(error.message);
}

/** The system text before the first user text, and neighbours of one role as one message. */
function mergeMessages(messages: JsonValue | undefined): JsonValue[] {
  const merged: { [key: string]: JsonValue }[] = [];
  for (const message of Array.isArray(messages) ? messages : []) {
    if (typeof message !== "object" || message === null || Array.isArray(message)) continue;
    const role = message.role === "system" ? "user" : (message.role ?? "user");
    const last = merged.at(-1);
    if (last !== undefined && last.role === role && role !== "tool")
      last.content = [last.content, message.content].filter(Boolean).join("\n\n");
    else merged.push({ ...message, role });
  }
  return merged;
}

function toVariables(
  input: ChatInput,
  options: ChatTemplateOptions,
  protect: (value: JsonValue) => JsonValue,
): { [key: string]: JsonValue } {
  const tools = input.tools.map(tool => protect(toOpenAiTool(tool)));
  return {
    messages: input.messages.map(message => toTemplateMessage(message, protect)),
    // Templates are written for callers that pass `none`, not for ones that pass nothing.
    tools: tools.length === 0 ? null : tools,
    add_generation_prompt: true,
    bos_token: options.bosToken,
    eos_token: options.eosToken,
    ...(input.responseSchema === undefined
      ? {}
      : { response_schema: protect(input.responseSchema) }),
  };
}

function toOpenAiTool(tool: ToolDefinition): { [key: string]: JsonValue } {
  const { name, description, parameters } = tool;
  return {
    type: "function",
    function: {
      name,
      ...(description === undefined ? {} : { description }),
      parameters: parameters ?? { type: "object", properties: {} },
    },
  };
}

/** The role is ours, all else is other people's text. */
function toTemplateMessage(message: Message, protect: (value: JsonValue) => JsonValue): JsonValue {
  const content = protect(message.content);
  if (message.role === "tool")
    return {
      role: "tool",
      content,
      ...(message.toolCallId === undefined ? {} : { tool_call_id: protect(message.toolCallId) }),
      ...(message.toolName === undefined ? {} : { name: protect(message.toolName) }),
    };
  if (message.role !== "assistant") return { role: message.role, content };
  const calls = (message.toolCalls ?? []).map(({ id, name, arguments: given }) => ({
    id: protect(id),
    type: "function",
    function: { name: protect(name), arguments: protect(given) },
  }));
  return {
    role: "assistant",
    content,
    ...(message.thought === undefined ? {} : { reasoning_content: protect(message.thought) }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

/** For templates that know nothing of tools: calls and results as text, the tools in the system message. */
function withToolsAsText(input: ChatInput): ChatInput {
  const messages = input.messages.map(toPlainMessage);
  if (input.tools.length === 0) return { ...input, messages };
  const lines = input.tools.map(tool => JSON.stringify(toOpenAiTool(tool)));
  const text = [
    "You may call these tools. To call one, reply with a JSON object between tags, in this form:",
    '<tool_call>{"name": "the tool", "arguments": {}}</tool_call>',
    "The tools, one a line:",
    ...lines,
  ].join("\n");
  const [first, ...rest] = messages;
  if (first?.role !== "system")
    return { ...input, tools: [], messages: [{ role: "system", content: text }, ...messages] };
  const system = { ...first, content: `${first.content}\n\n${text}` };
  return { ...input, tools: [], messages: [system, ...rest] };
}

function toPlainMessage(message: Message): Message {
  if (message.role === "tool")
    return { role: "user", content: `<tool_response>\n${message.content}\n</tool_response>` };
  if (message.role !== "assistant" || message.toolCalls === undefined) return message;
  const calls = message.toolCalls.map(
    call =>
      `<tool_call>${JSON.stringify({ name: call.name, arguments: call.arguments })}</tool_call>`,
  );
  return { role: "assistant", content: [message.content, ...calls].filter(Boolean).join("\n") };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
