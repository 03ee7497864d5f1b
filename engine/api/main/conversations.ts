/** Conversations of the main API: begin, list, read, delete. */
import { EngineError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { Conversation, StoredEvent } from "../../stores/store.ts";
import { readOptionalBody } from "../body.ts";
import type { Call, Engine } from "../call.ts";
import { wrong } from "../fields.ts";
import { json } from "../reply.ts";
import { checkConversationId } from "../turn.ts";
import { NewConversation } from "./schemas.ts";

const pageDefault = 50;

export async function beginConversation(engine: Engine, call: Call): Promise<Response> {
  await readOptionalBody(call, NewConversation);
  const conversation = await engine.conversations.create(call.caller.principal);
  return json(toConversation(conversation), { status: 201 });
}

export async function listConversations(engine: Engine, call: Call): Promise<Response> {
  const limit = readLimit(call.url.searchParams.get("limit"));
  const before = call.url.searchParams.get("before");
  const found = await engine.conversations.list(call.caller.principal, {
    // One more tells whether there is a next page.
    limit: limit + 1,
    ...(before === null ? {} : { before: checkConversationId(before, "before") }),
  });
  const page = found.slice(0, limit);
  const next = found.length > limit ? (page.at(-1)?.id ?? null) : null;
  return json({ data: page.map(toConversation), next });
}

function readLimit(text: string | null): number {
  if (text === null) return pageDefault;
  const limit = Number(text);
  const most = limits.conversationsPageMax - 1;
  if (Number.isInteger(limit) && limit >= 1 && limit <= most) return limit;
  throw wrong("limit", `it is a number from 1 to ${most}`);
}

export async function showConversation(engine: Engine, call: Call): Promise<Response> {
  const id = readId(call);
  const found = await engine.conversations.get(call.caller.principal, id);
  if (found === undefined) throw notFound(id);
  return json({ ...toConversation(found.conversation), turns: found.events.map(toTurn) });
}

export async function deleteConversation(engine: Engine, call: Call): Promise<Response> {
  const id = readId(call);
  const erased = await engine.conversations.delete(call.caller.principal, id);
  if (erased === undefined) throw notFound(id);
  return json({ id, events: erased.events });
}

export function readId(call: Call): string {
  return checkConversationId(call.params.id ?? "", "id");
}

function notFound(id: string): EngineError {
  return new EngineError("conversation_not_found", `There is no conversation "${id}".`);
}

function toConversation({ id, createdMs, updatedMs, events }: Conversation) {
  return { id, created: toTime(createdMs), updated: toTime(updatedMs), events };
}

function toTurn({ id, role, text, timeMs, status, model }: StoredEvent) {
  return { id, role, content: text, time: toTime(timeMs), status, model: model ?? null };
}

function toTime(ms: number): string {
  return new Date(ms).toISOString();
}
