/** POST a turn to a conversation: the answer at once, or as events. */
import type { z } from "zod";
import type { OutputFormat, Sampling } from "../../contract/chat.ts";
import { beginStream } from "../begin.ts";
import { readBody } from "../body.ts";
import type { Call, Engine } from "../call.ts";
import { checkStops, toSchema, toToolDefinitions } from "../fields.ts";
import { event, eventStream, json } from "../reply.ts";
import {
  type CollectedTurn,
  collectTurn,
  type OpenTurn,
  type OutputItem,
  openTurn,
  readMemoryMode,
  type TurnWish,
} from "../turn.ts";
import { readId } from "./conversations.ts";
import { toProblem } from "./problem.ts";
import { TurnRequestBody } from "./schemas.ts";

type Body = z.output<typeof TurnRequestBody>;

export async function takeTurn(engine: Engine, call: Call): Promise<Response> {
  const conversation = readId(call);
  const body = await readBody(call, TurnRequestBody);
  const opening = openTurn(engine, call, call.caller, {
    dialect: "main",
    model: body.model,
    history: "stored",
    memory: readMemoryMode(engine, call, body.model, "main"),
    conversation,
    generate: toGenerate(body),
  });
  if (!body.stream) {
    const turn = await opening;
    const collected = await collectTurn(turn.items);
    return json(toReply(turn, conversation, collected), { headers: turn.headers });
  }
  return beginStream(engine, call, opening, {
    model: body.model,
    contentType: eventStream,
    waiting: () => event({ state: engine.models.find(body.model)?.state ?? "pending" }, "waiting"),
    render: turn => renderEvents(turn, conversation),
    headersOf: turn => turn.headers,
    renderError: error => event(toProblem(error, call.requestId), "error"),
  });
}

function toGenerate(body: Body): TurnWish["generate"] {
  const tools = toToolDefinitions(body.tools ?? []);
  return {
    input: {
      kind: "messages",
      messages: [{ role: "user", content: body.content }],
      ...(tools.length > 0 ? { tools } : {}),
    },
    ...(body.format === undefined ? {} : { format: toFormat(body.format) }),
    ...(body.sampling === undefined ? {} : { sampling: toSampling(body.sampling) }),
    ...(body.stop === undefined ? {} : { stop: checkStops(body.stop, "stop") }),
    ...(body.maxTokens === undefined ? {} : { maxTokens: body.maxTokens }),
  };
}

function toFormat(format: NonNullable<Body["format"]>): OutputFormat {
  if (format.type !== "schema") return format;
  return { type: "schema", schema: toSchema(format.schema, "format.schema") };
}

function toSampling(sampling: NonNullable<Body["sampling"]>): Sampling {
  return Object.fromEntries(Object.entries(sampling).filter(([, value]) => value !== undefined));
}

function toReply(turn: OpenTurn, conversation: string, collected: CollectedTurn) {
  const { text, thought, toolCalls, done } = collected;
  return {
    id: done.eventId ?? null,
    conversation: turn.start.conversation ?? conversation,
    model: turn.start.model,
    role: "assistant",
    content: text,
    ...(thought === "" ? {} : { thought }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
    finish: done.reason,
    usage: done.usage,
    echo: { memory: turn.start.used.map(({ id, score, text }) => ({ id, score, text })) },
  };
}

/** Deltas as they come, and the whole once more at the end, so that a client may wait for either. */
async function* renderEvents(turn: OpenTurn, conversation: string): AsyncGenerator<string> {
  const heard: OutputItem[] = [];
  for await (const item of turn.items) {
    heard.push(item);
    if (item.type !== "done") yield event(toDelta(item), "delta");
  }
  yield event(toReply(turn, conversation, await collectTurn(replay(heard))), "done");
}

async function* replay(items: OutputItem[]): AsyncGenerator<OutputItem> {
  yield* items;
}

function toDelta(item: Exclude<OutputItem, { type: "done" }>) {
  if (item.type === "text") return { text: item.text };
  return item.type === "thought" ? { thought: item.text } : { toolCall: item.call };
}
