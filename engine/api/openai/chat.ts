/** POST /v1/chat/completions, whole and as a stream. */
import type { DoneItem, GenerateInput, GenerateItem, ToolCall } from "../../contract/chat.ts";
import { withUser } from "../access.ts";
import { beginStream } from "../begin.ts";
import { readBody } from "../body.ts";
import type { Call, Engine, InferenceEngine } from "../call.ts";
import { toToolDefinitions } from "../fields.ts";
import { event, eventStream, json } from "../reply.ts";
import {
  collectTurn,
  type OpenTurn,
  openTurn,
  readConversation,
  readMemoryMode,
  type TurnWish,
} from "../turn.ts";
import {
  lastEvent,
  renderErrorEvent,
  toEcho,
  toFinishReason,
  toToolCallObject,
  toUsage,
  waitingComment,
} from "./framing.ts";
import {
  refuseImpossibleChat,
  toFormat,
  toMessages,
  toSampling,
  toStop,
  toToolChoice,
} from "./messages.ts";
import { turnHeaders } from "./rate-limits.ts";
import { ChatRequest } from "./schemas.ts";

/** What every object of one completion begins with. */
export interface Head {
  id: string;
  created: number;
  model: string;
}

export async function completeChat(engine: Engine, call: Call): Promise<Response> {
  const request = await readBody(call, ChatRequest);
  const opening = open(engine, call, request);
  const head = toHead(engine, request);
  const moreOf = (turn: OpenTurn) => (item: GenerateItem) =>
    item.type === "done" ? toEcho(turn.start.used) : {};
  if (request.stream)
    return beginStream(engine, call, opening, {
      model: request.model,
      contentType: eventStream,
      waiting: () => waitingComment,
      render: turn => renderChunks(head, turn.items, request, moreOf(turn)),
      headersOf: turnHeaders,
      renderError: renderErrorEvent,
    });
  const turn = await opening;
  const whole = await renderWhole(head, turn.items, request, moreOf(turn));
  return json(whole, { headers: turnHeaders(turn) });
}

export function toHead({ newId, clock }: InferenceEngine, { model }: ChatRequest): Head {
  const id = newId("chatcmpl").replace("_", "-");
  return { id, created: Math.floor(clock.now() / 1000), model };
}

function open(engine: Engine, call: Call, request: ChatRequest): Promise<OpenTurn> {
  return openTurn(engine, call, withUser(call.caller, request.user ?? undefined), {
    dialect: "openai",
    model: request.model,
    history: "given",
    memory: readMemoryMode(engine, call, request.model, "compatible"),
    conversation: readConversation(call),
    generate: toChatWish(request),
  });
}

/** @throws EngineError naming the field that cannot be honoured */
export function toChatWish(request: ChatRequest): TurnWish["generate"] {
  refuseImpossibleChat(request);
  const tools = toToolDefinitions(request.tools ?? []);
  const toolChoice = toToolChoice(request);
  const input: GenerateInput = {
    kind: "messages",
    messages: toMessages(request.messages),
    ...(tools.length > 0 ? { tools } : {}),
    ...(toolChoice === undefined ? {} : { toolChoice }),
  };
  const format = toFormat(request.response_format);
  const stop = toStop(request.stop);
  const maxTokens = request.max_completion_tokens ?? request.max_tokens ?? undefined;
  return {
    input,
    sampling: toSampling(request),
    ...(format === undefined ? {} : { format }),
    ...(stop === undefined ? {} : { stop }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
  };
}

/** What stands in a chunk, or in the whole reply at its end, besides OpenAI's fields. */
export type More = (item: GenerateItem) => object;

export async function renderWhole(
  head: Head,
  items: AsyncIterable<GenerateItem>,
  request: ChatRequest,
  more: More,
): Promise<object> {
  const { text, thought, toolCalls, done } = await collectTurn(items);
  const calls = limitCalls(toolCalls, request);
  const message = {
    role: "assistant",
    content: text === "" && calls.length > 0 ? null : text,
    refusal: null,
    ...(thought === "" ? {} : { reasoning_content: thought }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map(toToolCallObject) }),
  };
  return {
    ...toObject(head, "chat.completion"),
    choices: [{ index: 0, message, logprobs: null, finish_reason: toFinishReason(done.reason) }],
    usage: toUsage(done.usage),
    ...more(done),
  };
}

function toObject({ id, created, model }: Head, object: string) {
  return { id, object, created, model, system_fingerprint: "echorator" };
}

/** `parallel_tool_calls: false` = one call a reply: the model's first. */
function limitCalls(calls: ToolCall[], request: ChatRequest): ToolCall[] {
  return request.parallel_tool_calls === false ? calls.slice(0, 1) : calls;
}

export async function* renderChunks(
  head: Head,
  items: AsyncIterable<GenerateItem>,
  request: ChatRequest,
  more: More,
): AsyncGenerator<string> {
  const withUsage = request.stream_options?.include_usage === true;
  const chunk = (delta: object, finish: string | null = null, besides: object = {}) =>
    event({
      ...toObject(head, "chat.completion.chunk"),
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...(withUsage ? { usage: null } : {}),
      ...besides,
    });
  yield chunk({ role: "assistant", content: "" });
  let calls = 0;
  for await (const item of items) {
    if (item.type === "done") {
      yield chunk({}, toFinishReason(item.reason), more(item));
      if (withUsage) yield renderUsage(head, item);
      yield lastEvent;
    } else if (item.type !== "toolCall") {
      yield chunk(toDelta(item), null, more(item));
    } else if (request.parallel_tool_calls !== false || calls === 0) {
      const call = { index: calls++, ...toToolCallObject(item.call) };
      yield chunk({ tool_calls: [call] }, null, more(item));
    }
  }
}

function toDelta(item: Extract<GenerateItem, { text: string }>): object {
  return item.type === "text" ? { content: item.text } : { reasoning_content: item.text };
}

function renderUsage(head: Head, { usage }: DoneItem): string {
  return event({ ...toObject(head, "chat.completion.chunk"), choices: [], usage: toUsage(usage) });
}
