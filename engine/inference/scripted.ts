/** The scripted backend: deterministic replies by rule, for tests, demos and whatever must not depend on weights. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type {
  EmbedResult,
  FinishReason,
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
import { createShownFilter, type ReplyItem } from "./begun-reply.ts";
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
      const steps = speak(reply, room, request.stop ?? [], () => `call_${calls++}`);
      const unseen = createShownFilter(request.already);
      const before = request.already?.raw.length ?? 0;
      let written = 0;
      let raw = "";
      let reason: FinishReason = "stop";
      for (const step of steps) {
        if (written >= before) {
          unseen.replayed();
          if (step.tokens > usage.completionTokens)
            await pause(clock, options.tokenMs ?? 0, signal);
          raw += step.raw;
        }
        written += step.raw.length;
        usage.completionTokens = step.tokens;
        reason = step.reason ?? reason;
        const item = step.item && unseen.pass(step.item);
        if (item === undefined) continue;
        yield { ...item, raw, tokens: step.tokens };
        raw = "";
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

/** What a token, or the end of the reply, brings. */
interface Step {
  raw: string;
  /** Completion tokens so far. */
  tokens: number;
  item?: ReplyItem;
  reason?: FinishReason;
}

/** The reply token by token, until a stop string or the end of the room. */
function* speak(
  reply: ScriptedReply,
  room: number,
  stops: readonly string[],
  newId: () => string,
): Generator<Step> {
  const filter = createStopFilter(stops);
  let tokens = 0;
  const toText = (text: string): { item?: ReplyItem } =>
    text === "" ? {} : { item: { type: "text", text } };
  if (reply.thought !== undefined) {
    const item = { type: "thought", text: reply.thought } as const;
    yield { raw: `<think>${reply.thought}</think>`, tokens, item };
  }
  for (const token of toTokens(reply.text ?? "")) {
    if (tokens >= room)
      return yield { raw: "", tokens, reason: "length", ...toText(filter.flush()) };
    tokens += 1;
    const shown = filter.push(token);
    yield { raw: token, tokens, ...toText(shown.text) };
    if (shown.stopped) return;
  }
  yield { raw: "", tokens, ...toText(filter.flush()) };
  for (const call of reply.toolCalls ?? []) {
    const json = JSON.stringify(call);
    tokens += toTokens(json).length;
    const item = { type: "toolCall", call: { id: newId(), ...call } } as const;
    yield { raw: `<tool_call>${json}</tool_call>`, tokens, item, reason: "toolCalls" };
  }
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
