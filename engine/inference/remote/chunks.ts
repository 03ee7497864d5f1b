/** From the chunks of a streamed reply to items: those of a worker with their origin, those of other servers put together. */
import type {
  DoneItem,
  FinishReason,
  GenerateItem,
  Timings,
  ToolCall,
  Usage,
} from "../../contract/chat.ts";
import { EngineError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { WorkerChunk, WorkerLoad } from "../../contract/worker.ts";
import { toWorkerError } from "./connection.ts";
import { isChunk } from "./shapes.ts";

interface Chunk {
  choices?: Choice[] | null;
  usage?: {
    prompt_tokens?: number;
    completion_tokens?: number;
    prompt_tokens_details?: { cached_tokens?: number } | null;
  } | null;
  echo?: WorkerChunk;
  error?: unknown;
}

/** What a part of a call takes besides its text. */
const partCharacters = 64;

interface Choice {
  /** Of a completion. */
  text?: string | null;
  /** Of a chat. */
  delta?: null | {
    content?: string | null;
    reasoning_content?: string | null;
    tool_calls?: CallPart[] | null;
  };
  finish_reason?: string | null;
}

interface CallPart {
  index?: number | null;
  id?: string | null;
  function?: { name?: string | null; arguments?: string | null } | null;
}

export interface ChunkReader {
  /** @throws EngineError that the stream says */
  read(data: string): GenerateItem[];
  /** The last item; undefined when the reply never said that it was over. */
  done(): DoneItem | undefined;
  /** As the worker said it last. */
  load(): WorkerLoad | undefined;
}

/** `now` measures what a server of others does not say. */
export function createChunkReader(now: () => number): ChunkReader {
  const started = now();
  const parts = new Map<number, { id: string; name: string; arguments: string }>();
  let callCharacters = 0;
  let firstAt: number | undefined;
  let finish: FinishReason | undefined;
  let timings: Timings | undefined;
  let load: WorkerLoad | undefined;
  let usage: Usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 };

  const readChoice = (choice: Choice, echo: WorkerChunk | undefined): GenerateItem[] => {
    const { delta } = choice;
    const origin = toOrigin(echo);
    const items: GenerateItem[] = [];
    const thought = delta?.reasoning_content ?? echo?.thought;
    const text = delta?.content ?? choice.text;
    if (thought) items.push({ type: "thought", text: thought, ...origin });
    if (text) items.push({ type: "text", text, ...origin });
    for (const part of delta?.tool_calls ?? []) take(part);
    // A worker writes a call whole; of others nobody knows before the end.
    const isWhole = echo !== undefined || choice.finish_reason != null;
    if (isWhole) for (const call of drain()) items.push({ type: "toolCall", call, ...origin });
    if (choice.finish_reason != null) finish = toReason(choice.finish_reason);
    return items;
  };

  const take = ({ index: given, id, function: called }: CallPart) => {
    const index = given ?? parts.size;
    const known = parts.get(index) ?? { id: `call_${index}`, name: "", arguments: "" };
    callCharacters +=
      partCharacters + (called?.name?.length ?? 0) + (called?.arguments?.length ?? 0);
    if (callCharacters > limits.workerEventBytesMax)
      throw new EngineError("model_crashed", "The model's server sends tool calls without an end.");
    parts.set(index, {
      id: id ?? known.id,
      name: known.name + (called?.name ?? ""),
      arguments: known.arguments + (called?.arguments ?? ""),
    });
  };

  const drain = (): ToolCall[] => {
    const calls = [...parts.values()].map(part => ({
      id: part.id,
      name: part.name,
      arguments: parseArguments(part.arguments),
    }));
    parts.clear();
    callCharacters = 0;
    return calls;
  };

  return {
    read(data) {
      if (data === "[DONE]") return [];
      const chunk = parseChunk(data);
      if (chunk.error !== undefined) throw toWorkerError(chunk, 502, undefined);
      timings = chunk.echo?.timings ?? timings;
      load = chunk.echo?.load ?? load;
      if (chunk.usage != null) usage = toUsage(chunk.usage);
      const items = (chunk.choices ?? []).flatMap(choice => readChoice(choice, chunk.echo));
      if (items.length > 0) firstAt ??= now();
      return items;
    },
    done() {
      if (finish === undefined) return undefined;
      const ended = now();
      const first = firstAt ?? ended;
      const measured = { queueMs: 0, promptMs: first - started, decodeMs: ended - first };
      return { type: "done", reason: finish, usage, timings: timings ?? measured };
    },
    load: () => load,
  };
}

function parseChunk(data: string): Chunk {
  try {
    const value: unknown = JSON.parse(data);
    if (isChunk(value)) return value as Chunk;
  } catch {
    // Said below: what is no JSON is as wrong as what is no object.
  }
  throw new EngineError("model_crashed", "The model's server sends what is no chunk of a reply.");
}

function toOrigin(echo: WorkerChunk | undefined): { raw?: string; tokens?: number } {
  if (echo === undefined) return {};
  return {
    ...(echo.raw === undefined ? {} : { raw: echo.raw }),
    ...(echo.tokens === undefined ? {} : { tokens: echo.tokens }),
  };
}

function toUsage(usage: NonNullable<Chunk["usage"]>): Usage {
  return {
    promptTokens: usage.prompt_tokens ?? 0,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    completionTokens: usage.completion_tokens ?? 0,
  };
}

function toReason(reason: string): FinishReason {
  if (reason === "tool_calls" || reason === "function_call") return "toolCalls";
  return reason === "length" ? "length" : "stop";
}

/** What a server of others writes may be cut off; a call without arguments is said so rather than lost. */
function parseArguments(text: string): ToolCall["arguments"] {
  try {
    const value: unknown = JSON.parse(text === "" ? "{}" : text);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as ToolCall["arguments"];
  } catch {
    // Said below.
  }
  throw new EngineError("model_crashed", "The model's server sent a tool call that is no JSON.");
}
