/** The scripted backend: deterministic replies by rule, for tests, demos and whatever must not depend on weights. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type {
  EmbedResult,
  GenerateInput,
  GenerateItem,
  GenerateRequest,
  JsonValue,
  Usage,
} from "../contract/chat.ts";
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import { type Clock, systemClock } from "../kit/clock.ts";
import type { Backend, BackendFacts } from "./backend.ts";
import { answerByRules } from "./scripted-rules.ts";
import { createSlots, toAbortError } from "./slots.ts";
import { createStopFilter } from "./stop-strings.ts";

/** What the script says to one request; tool calls get their ids from the backend. */
export interface ScriptedReply {
  text?: string;
  thought?: string;
  toolCalls?: { name: string; arguments: { [key: string]: JsonValue } }[];
}

export interface ScriptedOptions {
  /** Decides each reply; `answerByRules` when absent. */
  script?: (request: GenerateRequest) => ScriptedReply;
  contextTokens?: number;
  slots?: number;
  /** Delay before each token, on the clock. */
  tokenMs?: number;
  queueLength?: () => number;
  clock?: Clock;
}

export interface ScriptedBackend extends Backend {
  /** Does what the death of an inference process does; with an error it does not come back. */
  crash(forGood?: EngineError): void;
}

export function createScriptedBackend(options: ScriptedOptions = {}): ScriptedBackend {
  const clock = options.clock ?? systemClock;
  const facts: BackendFacts = {
    contextTokens: options.contextTokens ?? 4096,
    slots: options.slots ?? 4,
    memoryBytes: 0,
    capabilities: ["completion", "tools", "embedding"],
  };
  const slots = createSlots({
    capacity: facts.slots,
    queueLength: options.queueLength ?? (() => limits.queueLengthMax),
    clock,
  });
  const script = options.script ?? answerByRules;
  const prompts = createPromptMemory();
  const closing = new AbortController();
  let crash = new AbortController();
  let calls = 0;
  let failure: EngineError | undefined;

  async function* generate(
    request: GenerateRequest,
    caller: AbortSignal,
  ): AsyncGenerator<GenerateItem> {
    const arrived = clock.monotonic();
    const prompt = toTokens(renderInput(request.input));
    refuseEmpty(prompt.length);
    refuseTooLong(prompt.length, facts.contextTokens);
    const release = await slots.take(AbortSignal.any([caller, closing.signal]));
    const signal = AbortSignal.any([caller, closing.signal, crash.signal]);
    const started = clock.monotonic();
    const usage: Usage = {
      promptTokens: prompt.length,
      cachedTokens: prompts.shared(request.cacheScope, prompt),
      completionTokens: 0,
    };
    try {
      const reply = script(request);
      const room = Math.min(request.maxTokens ?? Infinity, facts.contextTokens - prompt.length);
      let reason: "stop" | "length" | "toolCalls" = "stop";
      if (reply.thought !== undefined) yield { type: "thought", text: reply.thought };
      for await (const item of speak(reply.text ?? "", room, request.stop ?? [], usage)) {
        await pause(clock, options.tokenMs ?? 0, signal);
        if (item.type === "length") reason = "length";
        else yield item;
      }
      for (const call of reply.toolCalls ?? []) {
        await pause(clock, options.tokenMs ?? 0, signal);
        reason = "toolCalls";
        usage.completionTokens += toTokens(JSON.stringify(call)).length;
        yield { type: "toolCall", call: { id: `call_${calls++}`, ...call } };
      }
      const decodeMs = clock.monotonic() - started;
      const timings = { queueMs: started - arrived, promptMs: 0, decodeMs };
      yield { type: "done", reason, usage, timings };
    } finally {
      release();
    }
  }

  return {
    facts: () => facts,
    load: () => ({ busySlots: slots.busy(), waiting: slots.waiting() }),
    failure: () => failure,
    generate,
    async countTokens(input) {
      return toTokens(renderInput(input)).length;
    },
    async embed(texts, signal) {
      if (signal.aborted) throw toAbortError(signal);
      return embed(texts, facts.contextTokens);
    },
    forget: prompts.forget,
    async close() {
      const stopping = new EngineError("stopping", "The model is being stopped.");
      slots.refuse(() => stopping);
      closing.abort(stopping);
    },
    crash(forGood) {
      failure = forGood;
      if (forGood !== undefined) slots.refuse(() => forGood);
      crash.abort(new EngineError("model_crashed", "The scripted model was made to crash."));
      crash = new AbortController();
    },
  };
}

/** Text as tokens until a stop string or the end of the room. */
function* speak(
  text: string,
  room: number,
  stops: readonly string[],
  usage: Usage,
): Generator<{ type: "text"; text: string } | { type: "length" }> {
  const filter = createStopFilter(stops);
  for (const token of toTokens(text)) {
    if (usage.completionTokens >= room) {
      const rest = filter.flush();
      if (rest !== "") yield { type: "text", text: rest };
      return yield { type: "length" };
    }
    usage.completionTokens += 1;
    const shown = filter.push(token);
    if (shown.text !== "") yield { type: "text", text: shown.text };
    if (shown.stopped) return;
  }
  const rest = filter.flush();
  if (rest !== "") yield { type: "text", text: rest };
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await clock.sleep(ms, signal);
  else await nextTurn();
  if (signal.aborted) throw toAbortError(signal);
}

/** A word with the space before it is a token. */
function toTokens(text: string): string[] {
  return text.match(/\s*\S+|\s+$/gu) ?? [];
}

function renderInput(input: GenerateInput): string {
  if (input.kind === "prompt") return input.prompt;
  const tools = (input.tools ?? []).map(tool => ` ${JSON.stringify(tool)}`).join("");
  const messages = input.messages.map(message => ` <${message.role}> ${message.content}`).join("");
  return `${tools}${messages} <assistant>`;
}

function refuseEmpty(tokens: number): void {
  if (tokens > 0) return;
  throw new EngineError("invalid_request", "The prompt is empty: there is nothing to go on from.", {
    field: "prompt",
    remedy: "Send at least one word.",
  });
}

function refuseTooLong(tokens: number, contextTokens: number): void {
  if (tokens < contextTokens) return;
  throw new EngineError(
    "context_exceeded",
    `The prompt has ${tokens} tokens and the model's context holds ${contextTokens}.`,
  );
}

/** The last prompt of each scope, so that reuse is reported as a real cache would. */
function createPromptMemory() {
  const scopesMax = 64;
  const last = new Map<string, string[]>();
  return {
    shared(scope: string, prompt: string[]): number {
      const before = last.get(scope) ?? [];
      last.delete(scope);
      last.set(scope, prompt);
      const oldest = last.keys().next();
      if (last.size > scopesMax && !oldest.done) last.delete(oldest.value);
      const end = prompt.findIndex((token, index) => token !== before[index]);
      return Math.min(end < 0 ? prompt.length : end, prompt.length - 1);
    },
    forget: (scope: string) => void last.delete(scope),
  };
}

/** Words hashed into a fixed number of directions: texts that share words are near each other. */
function embed(texts: readonly string[], contextTokens: number): EmbedResult {
  let promptTokens = 0;
  const vectors = texts.map(text => {
    const tokens = toTokens(text);
    refuseTooLong(tokens.length, contextTokens);
    promptTokens += tokens.length;
    const vector = new Array<number>(64).fill(0);
    vector[0] = 1e-3;
    for (const token of tokens) {
      const direction = hash(token.trim().toLowerCase()) % vector.length;
      vector[direction] = (vector[direction] ?? 0) + 1;
    }
    const length = Math.hypot(...vector);
    return vector.map(value => value / length);
  });
  return { vectors, promptTokens };
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value >>> 0;
}
