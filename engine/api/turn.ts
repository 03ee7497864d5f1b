/** What all dialects do to generate: open a turn, so that early errors still have a status, then read its items. */
import type { DoneItem, GenerateItem, ToolCall } from "../contract/chat.ts";
import { headers } from "../contract/endpoints.ts";
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import { MemoryMode } from "../contract/memory.ts";
import type { TurnItem, TurnRequest } from "../conversation/conversations.ts";
import { admit, estimateTokens, type Quotas, settleAfter } from "./admission.ts";
import type { Call, Caller, Engine, InferenceEngine } from "./call.ts";
import { findModel } from "./models.ts";

export type StartItem = Extract<TurnItem, { type: "start" }>;
export type FinishItem = DoneItem & { eventId: string | undefined };
export type OutputItem = Exclude<TurnItem, StartItem>;

export interface OpenTurn {
  start: StartItem;
  /** Everything after the start; ends with `done`. */
  items: AsyncIterable<OutputItem>;
  /** How much was remembered for it, and in which conversation it is kept. */
  headers: Record<string, string>;
  /** Where the key's quotas stand. */
  quotas: Quotas;
}

export type TurnWish = Pick<TurnRequest, "dialect" | "model" | "history" | "generate"> & {
  memory: MemoryMode;
  conversation?: string | undefined;
};

/** Resolves with the first output at hand: until then nothing was sent, and an error can still be a status. */
export async function openTurn(
  engine: Engine,
  call: Call,
  caller: Caller,
  wish: TurnWish,
): Promise<OpenTurn> {
  const { contextTokens } = findModel(engine, caller, wish.model);
  const estimate = estimateTokens(wish.generate, contextTokens);
  const { conversation, ...rest } = wish;
  const request: TurnRequest = {
    ...rest,
    ...(conversation === undefined ? {} : { conversation }),
    principal: caller.principal,
    requestId: call.requestId,
  };
  const admission = await admit(engine, caller, estimate.total);
  const deadline = startDeadline(engine, call.signal);
  try {
    const items = engine.conversations.turn(request, deadline.signal)[Symbol.asyncIterator]();
    const first = await items.next();
    if (first.done || first.value.type !== "start") throw new Error("a turn without a start");
    const start = first.value;
    const second = await items.next();
    const rest = rejoin(second, items, deadline.end);
    return {
      start,
      items: settleAfter(rest, admission, estimate.prompt),
      headers: { ...turnHeaders(start), ...routeHeader(call, second.value) },
      quotas: admission.quotas,
    };
  } catch (error) {
    deadline.end();
    await admission.withdraw();
    throw error;
  }
}

async function* rejoin(
  first: IteratorResult<TurnItem>,
  rest: AsyncIterator<TurnItem>,
  end: () => void,
): AsyncGenerator<OutputItem> {
  try {
    for (let next = first; !next.done; next = await rest.next())
      if (next.value.type !== "start") yield next.value;
  } finally {
    end();
    await rest.return?.();
  }
}

/** `signal` that also aborts when the request has taken as long as it may. */
export function startDeadline(
  engine: InferenceEngine,
  signal: AbortSignal,
  secondsMax = Number.POSITIVE_INFINITY,
): { signal: AbortSignal; end: () => void } {
  const seconds = Math.min(engine.config().inference.requestSeconds, secondsMax);
  const late = new AbortController();
  const ended = new AbortController();
  // Who reads no more may never come to call `end`.
  const over = AbortSignal.any([signal, ended.signal]);
  void engine.clock.sleep(seconds * 1_000, over).then(() => {
    if (over.aborted) return;
    const message = `The request took longer than ${seconds} seconds, which is all it may.`;
    late.abort(new EngineError("deadline_exceeded", message));
  });
  return { signal: AbortSignal.any([signal, late.signal]), end: () => ended.abort() };
}

/** For who asks for it: which worker a gateway has chosen, and why. */
function routeHeader(call: Call, item: TurnItem | undefined): Record<string, string> {
  const isAsked = call.request.headers.has(headers.route);
  const route = item !== undefined && "route" in item ? item.route : undefined;
  return isAsked && route !== undefined ? { [headers.route]: route } : {};
}

function turnHeaders(start: StartItem): Record<string, string> {
  return {
    [headers.memoryUsed]: String(start.used.length),
    ...(start.conversation === undefined ? {} : { [headers.conversation]: start.conversation }),
  };
}

export interface CollectedTurn<D extends DoneItem = FinishItem> {
  text: string;
  thought: string;
  toolCalls: ToolCall[];
  done: D;
}

export async function collectTurn<D extends DoneItem>(
  items: AsyncIterable<Exclude<GenerateItem, DoneItem> | D>,
): Promise<CollectedTurn<D>> {
  const texts: string[] = [];
  const thoughts: string[] = [];
  const toolCalls: ToolCall[] = [];
  for await (const item of items) {
    if (item.type === "text") texts.push(item.text);
    else if (item.type === "thought") thoughts.push(item.text);
    else if (item.type === "toolCall") toolCalls.push(item.call);
    else return { text: texts.join(""), thought: thoughts.join(""), toolCalls, done: item };
  }
  throw new Error("a turn ended without its last item");
}

/** The header's mode, else the model's own, else the engine's. */
export function readMemoryMode(
  engine: Engine,
  call: Call,
  model: string,
  turns: "main" | "compatible",
): MemoryMode {
  const value = call.request.headers.get(headers.memory);
  if (value === null)
    return engine.models.find(model)?.spec.memory?.[turns] ?? engine.config().memory[turns];
  const mode = MemoryMode.safeParse(value.trim().toLowerCase());
  if (mode.success) return mode.data;
  throw new EngineError("invalid_request", `${headers.memory}: it is off, read, write or on`, {
    field: headers.memory,
  });
}

export function readConversation(call: Call): string | undefined {
  const value = call.request.headers.get(headers.conversation);
  return value === null ? undefined : checkConversationId(value, headers.conversation);
}

export function checkConversationId(id: string, field: string): string {
  if (id.length <= limits.conversationIdCharactersMax && /^[\w.:@-]+$/.test(id)) return id;
  throw new EngineError(
    "invalid_request",
    `${field}: a conversation's id has 1 to ${limits.conversationIdCharactersMax} letters, digits, dots, dashes, colons`,
    { field },
  );
}
