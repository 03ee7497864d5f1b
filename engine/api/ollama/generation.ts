/** /api/chat and /api/generate: one use case, two ways to write the request and the reply. */
import type { GenerateInput, JsonValue, ToolCall } from "../../contract/chat.ts";
import { beginStream } from "../begin.ts";
import { readBody } from "../body.ts";
import type { Call, Engine } from "../call.ts";
import { refuse, toToolDefinitions } from "../fields.ts";
import { findModel } from "../models.ts";
import { json, line, ndjson } from "../reply.ts";
import {
  collectTurn,
  type OpenTurn,
  type OutputItem,
  openTurn,
  readConversation,
  readMemoryMode,
} from "../turn.ts";
import { parseKeepAlive, renderErrorLine, toFigures, toTime } from "./framing.ts";
import { refuseImages, toFormat, toMessages } from "./messages.ts";
import { parseOptions } from "./options.ts";
import { ChatRequest, GenerateRequest, type GenerationFields } from "./schemas.ts";

/** What one piece of output looks like; the two endpoints differ in nothing else. */
type Render = (part: { text?: string; thought?: string; toolCalls?: ToolCall[] }) => {
  [key: string]: unknown;
};

const renderChat: Render = ({ text = "", thought, toolCalls }) => ({
  message: {
    role: "assistant",
    content: text,
    ...(thought ? { thinking: thought } : {}),
    ...(toolCalls?.length ? { tool_calls: toolCalls.map(renderToolCall) } : {}),
  },
});

const renderGenerate: Render = ({ text = "", thought, toolCalls }) => ({
  response: text,
  ...(thought ? { thinking: thought } : {}),
  ...(toolCalls?.length ? { tool_calls: toolCalls.map(renderToolCall) } : {}),
});

function renderToolCall(call: ToolCall): JsonValue {
  return { id: call.id, function: { name: call.name, arguments: call.arguments } };
}

export async function chat(engine: Engine, call: Call): Promise<Response> {
  const request = await readBody(call, ChatRequest);
  const messages = toMessages(request.messages ?? []);
  if (messages.length === 0) return load(engine, call, request, renderChat);
  const tools = toToolDefinitions(request.tools ?? []);
  const input: GenerateInput = {
    kind: "messages",
    messages,
    ...(tools.length > 0 ? { tools } : {}),
  };
  return generateReply(engine, call, request, input, renderChat);
}

export async function generate(engine: Engine, call: Call): Promise<Response> {
  const request = await readBody(call, GenerateRequest);
  refuseLost(request);
  const { prompt, system } = request;
  if (!prompt) return load(engine, call, request, renderGenerate);
  const input: GenerateInput = request.raw
    ? { kind: "prompt", prompt }
    : {
        kind: "messages",
        messages: [
          ...(system ? [{ role: "system" as const, content: system }] : []),
          { role: "user", content: prompt },
        ],
      };
  return generateReply(engine, call, request, input, renderGenerate);
}

/** What would be lost without a word is refused instead. */
function refuseLost(request: GenerateRequest): void {
  refuseImages(request.images, "images");
  if (request.suffix) throw refuse("suffix", "this engine does not fill in the middle");
  if (request.template)
    throw refuse("template", "a model keeps its own template", "Use raw with a finished prompt.");
  if (request.context?.length)
    throw refuse(
      "context",
      "earlier turns are not taken as tokens",
      "Send the earlier turns as messages to /api/chat.",
    );
  if (request.raw && request.system)
    throw refuse("system", "raw mode takes the prompt as it is", "Put it into the prompt.");
}

/** No messages, no prompt: the model is loaded, or unloaded when it is not to be kept. */
async function load(
  engine: Engine,
  call: Call,
  request: GenerationFields,
  render: Render,
): Promise<Response> {
  const { spec } = findModel(engine, call.caller, request.model);
  const keepMs = parseKeepAlive(request.keep_alive);
  if (keepMs !== 0) (await engine.models.acquire(request.model, call.signal))[Symbol.dispose]();
  if (keepMs !== undefined) engine.models.keepAlive(spec.name, keepMs);
  return json({
    model: request.model,
    created_at: toTime(engine.clock.now()),
    ...render({}),
    done: true,
    done_reason: keepMs === 0 ? "unload" : "load",
  });
}

async function generateReply(
  engine: Engine,
  call: Call,
  request: GenerationFields,
  input: GenerateInput,
  render: Render,
): Promise<Response> {
  const opening = open(engine, call, request, input);
  const head = () => ({ model: request.model, created_at: toTime(engine.clock.now()) });
  const hideThoughts = request.think === false;
  if (request.stream === false) {
    const turn = await opening;
    const { text, thought, toolCalls, done } = await collectTurn(turn.items);
    const part = { text, toolCalls, ...(hideThoughts ? {} : { thought }) };
    const end = {
      done: true,
      done_reason: toReason(done.reason),
      ...toFigures(engine, call, done),
    };
    return json({ ...head(), ...render(part), ...end }, { headers: turn.headers });
  }
  async function* lines(turn: OpenTurn): AsyncGenerator<string> {
    for await (const item of turn.items) {
      if (item.type === "done") {
        const end = { done: true, done_reason: toReason(item.reason) };
        yield line({ ...head(), ...render({}), ...end, ...toFigures(engine, call, item) });
      } else if (!(hideThoughts && item.type === "thought")) {
        yield line({ ...head(), ...render(toPart(item)), done: false });
      }
    }
  }
  return beginStream(engine, call, opening, {
    model: request.model,
    contentType: ndjson,
    // Empty text is what clients know from models that think first.
    waiting: () => line({ ...head(), ...render({}), done: false }),
    render: lines,
    headersOf: turn => turn.headers,
    renderError: renderErrorLine,
  });
}

function toPart(item: Exclude<OutputItem, { type: "done" }>): Parameters<Render>[0] {
  if (item.type === "text") return { text: item.text };
  if (item.type === "thought") return { thought: item.text };
  return { toolCalls: [item.call] };
}

/** Ollama has no reason of its own for tool calls. */
function toReason(reason: "stop" | "length" | "toolCalls"): string {
  return reason === "length" ? "length" : "stop";
}

async function open(
  engine: Engine,
  call: Call,
  request: GenerationFields,
  input: GenerateInput,
): Promise<OpenTurn> {
  if (request.logprobs || request.top_logprobs)
    throw refuse("logprobs", "this engine does not report probabilities");
  const keepMs = parseKeepAlive(request.keep_alive);
  const { spec } = findModel(engine, call.caller, request.model);
  const { sampling, stop, maxTokens } = parseOptions(request.options ?? {}, call.log);
  const format = toFormat(request.format);
  const turn = await openTurn(engine, call, call.caller, {
    dialect: "ollama",
    model: request.model,
    history: "given",
    memory: readMemoryMode(engine, call, request.model, "compatible"),
    conversation: readConversation(call),
    generate: {
      input,
      sampling,
      ...(format === undefined ? {} : { format }),
      ...(stop === undefined ? {} : { stop }),
      ...(maxTokens === undefined ? {} : { maxTokens }),
    },
  });
  if (keepMs === undefined) return turn;
  return {
    ...turn,
    items: keepAfter(turn.items, () => keepAlive(engine, spec.name, keepMs)),
  };
}

/** The model may have been removed while it answered. */
function keepAlive(engine: Engine, name: string, ms: number): void {
  if (engine.models.find(name) !== undefined) engine.models.keepAlive(name, ms);
}

/** Counts from the end of the reply, not from its beginning. */
async function* keepAfter(
  items: AsyncIterable<OutputItem>,
  keep: () => void,
): AsyncGenerator<OutputItem> {
  try {
    yield* items;
  } finally {
    keep();
  }
}
