/** From a request of ours to the body that a worker or an OpenAI-compatible server takes. */
import type { GenerateInput, GenerateRequest, Message, Sampling } from "../../contract/chat.ts";
import { EngineError } from "../../contract/errors.ts";
import type { WorkerRequest } from "../../contract/worker.ts";

export type ServerKind = "worker" | "openai";

export interface Wish {
  path: "/v1/chat/completions" | "/v1/completions";
  body: { [field: string]: unknown };
}

/** @throws EngineError unsupported where a server of others cannot do it */
export function toWish(
  request: GenerateRequest,
  { model, kind, deadlineMs }: { model: string; kind: ServerKind; deadlineMs?: number },
): Wish {
  const { path, body } = toCounted(request.input, model);
  if (kind === "openai" && request.already !== undefined) throw cannotGoOn();
  return {
    path,
    body: {
      ...body,
      stream: true,
      stream_options: { include_usage: true },
      ...toFormat(request),
      ...(request.stop === undefined ? {} : { stop: request.stop }),
      ...(request.maxTokens === undefined ? {} : { max_tokens: request.maxTokens }),
      ...(kind === "worker" ? { echo: toEcho(request, deadlineMs) } : toFields(request.sampling)),
    },
  };
}

/** What the number of a prompt's tokens depends on. */
export function toCounted(input: GenerateInput, model: string): Wish {
  if (input.kind === "prompt")
    return { path: "/v1/completions", body: { model, prompt: input.prompt } };
  const { messages, tools = [], toolChoice } = input;
  return {
    path: "/v1/chat/completions",
    body: {
      model,
      messages: messages.map(toMessage),
      ...(tools.length === 0
        ? {}
        : { tools: tools.map(tool => ({ type: "function", function: tool })) }),
      ...(toolChoice === undefined || tools.length === 0
        ? {}
        : { tool_choice: toChoice(toolChoice) }),
    },
  };
}

function toMessage(message: Message): object {
  const { role, content } = message;
  if (message.role === "tool")
    return {
      role,
      content,
      ...(message.toolCallId === undefined ? {} : { tool_call_id: message.toolCallId }),
      ...(message.toolName === undefined ? {} : { name: message.toolName }),
    };
  if (message.role !== "assistant") return { role, content };
  return {
    role,
    content,
    ...(message.thought === undefined ? {} : { reasoning_content: message.thought }),
    ...(message.toolCalls === undefined
      ? {}
      : {
          tool_calls: message.toolCalls.map(({ id, name, arguments: given }) => ({
            id,
            type: "function",
            function: { name, arguments: JSON.stringify(given) },
          })),
        }),
  };
}

type MessagesInput = Extract<GenerateInput, { kind: "messages" }>;

function toChoice(choice: NonNullable<MessagesInput["toolChoice"]>) {
  return typeof choice === "string"
    ? choice
    : { type: "function", function: { name: choice.name } };
}

function toFormat({ format }: GenerateRequest): object {
  if (format === undefined || format.type === "text") return {};
  if (format.type === "json") return { response_format: { type: "json_object" } };
  const json_schema = { name: "reply", schema: format.schema, strict: true };
  return { response_format: { type: "json_schema", json_schema } };
}

function toEcho(request: GenerateRequest, deadlineMs: number | undefined): WorkerRequest {
  return {
    cacheScope: request.cacheScope,
    ...(request.sampling === undefined ? {} : { sampling: request.sampling }),
    ...(request.already === undefined ? {} : { already: request.already }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  };
}

/** OpenAI's names, and those of vLLM for what OpenAI has no name for. */
function toFields(sampling: Sampling = {}): object {
  const named = {
    temperature: sampling.temperature,
    top_p: sampling.topP,
    seed: sampling.seed,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    // 0 is "all of them" here and -1 there.
    top_k: sampling.topK === 0 ? -1 : sampling.topK,
    min_p: sampling.minP,
    repetition_penalty: sampling.repeatPenalty,
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}

function cannotGoOn(): EngineError {
  return new EngineError(
    "unsupported",
    "A server of others cannot go on with a reply that was begun elsewhere.",
    { field: "already", remedy: "Send the request again." },
  );
}
