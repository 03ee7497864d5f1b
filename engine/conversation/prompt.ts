/** Fits history and memories into a model's context. */
import type { GenerateInput, Message } from "../contract/chat.ts";
import { EngineError } from "../contract/errors.ts";
import { type RecalledMemory, withMemoryBlock } from "../contract/memory.ts";
import type { StoredEvent } from "../stores/store.ts";
import { mergeNeighbours, toMessage } from "./remembered.ts";

export type MessagesInput = Extract<GenerateInput, { kind: "messages" }>;

export interface Room {
  contextTokens: number;
  /** Kept free for the answer. */
  answerTokens: number;
  /** Kept free for memories. */
  memoryTokens: number;
}

/** An answer gets what the request asks for, else a quarter, but never more than half of the context. */
export function planRoom(
  contextTokens: number,
  maxTokens: number | undefined,
  recallTokens: number,
): Room {
  const quarter = Math.floor(contextTokens / 4);
  return {
    contextTokens,
    answerTokens: Math.min(maxTokens ?? quarter, Math.floor(contextTokens / 2)),
    memoryTokens: Math.min(recallTokens, quarter),
  };
}

export interface FittedPrompt {
  input: MessagesInput;
  /** Of the input without memories. */
  tokens: number;
  /** Events whose text stands in the prompt. */
  sequences: ReadonlySet<number>;
}

/**
 * The request's messages with as many of the conversation's last turns before them as fit beside answer and memories.
 * @throws EngineError context_exceeded when the new messages alone are too long
 */
export async function fitHistory(
  request: MessagesInput,
  events: readonly StoredEvent[],
  room: Room,
  countTokens: (input: MessagesInput) => Promise<number>,
): Promise<FittedPrompt> {
  const turns = toTurns(events);
  const fitted = async (kept: number): Promise<FittedPrompt> => {
    const held = turns.slice(turns.length - kept).flat();
    const input = { ...request, messages: withHistory(request.messages, held) };
    const sequences = new Set(held.map(event => event.sequence));
    return { input, tokens: await countTokens(input), sequences };
  };
  const tokensMax = room.contextTokens - room.answerTokens - room.memoryTokens;
  const whole = await fitted(turns.length);
  if (whole.tokens <= tokensMax) return whole;
  const most = await findMost(
    turns.length - 1,
    async kept => (await fitted(kept)).tokens <= tokensMax,
  );
  const prompt = await fitted(most);
  if (prompt.tokens < room.contextTokens) return prompt;
  throw new EngineError(
    "context_exceeded",
    `The new messages have ${prompt.tokens} tokens and the model's context ${room.contextTokens}.`,
  );
}

/** The largest number up to `max` for which `fits` holds, 0 being taken on trust. */
async function findMost(max: number, fits: (count: number) => Promise<boolean>): Promise<number> {
  let least = 0;
  let most = Math.max(0, max);
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (await fits(middle)) least = middle;
    else most = middle - 1;
  }
  return least;
}

/** Each turn begins with the user; what stands before the first user event has lost its question and is left out. */
function toTurns(events: readonly StoredEvent[]): StoredEvent[][] {
  const turns: StoredEvent[][] = [];
  for (const event of events) {
    if (event.role === "user") turns.push([event]);
    else turns.at(-1)?.push(event);
  }
  return turns;
}

function withHistory(messages: readonly Message[], history: readonly StoredEvent[]): Message[] {
  const system = messages.filter(message => message.role === "system");
  const said = messages.filter(message => message.role !== "system");
  return [...system, ...mergeNeighbours([...history.map(toMessage), ...said])];
}

/** The memories stand before the text of the last user message: as data, and where they spoil no cached prefix. */
export function withMemories(
  input: MessagesInput,
  memories: readonly RecalledMemory[],
  nonce: string,
): MessagesInput {
  const place = input.messages.findLastIndex(message => message.role === "user");
  const messages = input.messages.map((message, index) =>
    index === place
      ? { ...message, content: withMemoryBlock(message.content, memories, nonce) }
      : message,
  );
  return { ...input, messages };
}

/** The model's own system prompt, for a request that brings none. */
export function withSystem(input: MessagesInput, system: string | undefined): MessagesInput {
  if (system === undefined || input.messages.some(message => message.role === "system"))
    return input;
  return { ...input, messages: [{ role: "system", content: system }, ...input.messages] };
}
