/** POST /v1/chat/completions, whole and as a stream. */
import type { GenerateInput, ToolCall } from "../../contract/chat.ts";
import { withUser } from "../access.ts";
import { readBody } from "../body.ts";
import type { Call, Engine } from "../call.ts";
import { toToolDefinitions } from "../fields.ts";
import { event, eventStream, json, stream } from "../reply.ts";
import {
  collectTurn,
  type FinishItem,
  type OpenTurn,
  type OutputItem,
  openTurn,
  readConversation,
  readMemoryMode,
} from "../turn.ts";
import {
  lastEvent,
  renderErrorEvent,
  toEcho,
  toFinishReason,
  toToolCallObject,
  toUsage,
} from "./framing.ts";
import {
  refuseImpossibleChat,
  toFormat,
  toMessages,
  toSampling,
  toStop,
  toToolChoice,
} from "./messages.ts";
import { ChatRequest } from "./schemas.ts";

/** What every object of one completion begins with. */
interface Head {
  id: string;
  created: number;
  model: string;
}

export async function completeChat(engine: Engine, call: Call): Promise<Response> {
  const request = await readBody(call, ChatRequest);
  const turn = await open(engine, call, request);
  const head: Head = {
    id: engine.newId("chatcmpl").replace("_", "-"),
    created: Math.floor(engine.clock.now() / 1000),
    model: request.model,
  };
  if (!request.stream) return renderWhole(head, turn, request);
  return stream(call, renderChunks(head, turn, request), {
    contentType: eventStream,
    headers: turn.headers,
    renderError: renderErrorEvent,
  });
}

function open(engine: Engine, call: Call, request: ChatRequest): Promise<OpenTurn> {
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
  return openTurn(engine, call, withUser(call.caller, request.user ?? undefined), {
    dialect: "openai",
    model: request.model,
    history: "given",
    memory: readMemoryMode(call, engine.config().memory.compatible),
    conversation: readConversation(call),
    generate: {
      input,
      sampling: toSampling(request),
      ...(format === undefined ? {} : { format }),
      ...(stop === undefined ? {} : { stop }),
      ...(maxTokens === undefined ? {} : { maxTokens }),
    },
  });
}

async function renderWhole(head: Head, turn: OpenTurn, request: ChatRequest): Promise<Response> {
  const { text, thought, toolCalls, done } = await collectTurn(turn.items);
  const calls = limitCalls(toolCalls, request);
  const message = {
    role: "assistant",
    content: text === "" && calls.length > 0 ? null : text,
    refusal: null,
    ...(thought === "" ? {} : { reasoning_content: thought }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map(toToolCallObject) }),
  };
  const reply = {
    ...toObject(head, "chat.completion"),
    choices: [{ index: 0, message, logprobs: null, finish_reason: toFinishReason(done.reason) }],
    usage: toUsage(done.usage),
    ...toEcho(turn.start.used),
  };
  return json(reply, { headers: turn.headers });
}

function toObject({ id, created, model }: Head, object: string) {
  return { id, object, created, model, system_fingerprint: "echorator" };
}

/** `parallel_tool_calls: false` = one call a reply: the model's first. */
function limitCalls(calls: ToolCall[], request: ChatRequest): ToolCall[] {
  return request.parallel_tool_calls === false ? calls.slice(0, 1) : calls;
}

async function* renderChunks(
  head: Head,
  turn: OpenTurn,
  request: ChatRequest,
): AsyncGenerator<string> {
  const withUsage = request.stream_options?.include_usage === true;
  const chunk = (delta: object, finish: string | null = null, more: object = {}) =>
    event({
      ...toObject(head, "chat.completion.chunk"),
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...(withUsage ? { usage: null } : {}),
      ...more,
    });
  yield chunk({ role: "assistant", content: "" });
  let calls = 0;
  for await (const item of turn.items) {
    if (item.type === "done") {
      yield chunk({}, toFinishReason(item.reason), toEcho(turn.start.used));
      if (withUsage) yield renderUsage(head, item);
      yield lastEvent;
    } else if (item.type !== "toolCall") {
      yield chunk(toDelta(item));
    } else if (request.parallel_tool_calls !== false || calls === 0) {
      yield chunk({ tool_calls: [{ index: calls++, ...toToolCallObject(item.call) }] });
    }
  }
}

function toDelta(item: Extract<OutputItem, { text: string }>): object {
  return item.type === "text" ? { content: item.text } : { reasoning_content: item.text };
}

function renderUsage(head: Head, { usage }: FinishItem): string {
  return event({ ...toObject(head, "chat.completion.chunk"), choices: [], usage: toUsage(usage) });
}
