/** Admission: what the quotas of a key let through. Every turn and every embedding passes here and nowhere else. */
import type { DoneItem, GenerateItem, GenerateRequest } from "../contract/chat.ts";
import type { KeyLimits } from "../contract/config.ts";
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { Claim, Counters, QuotaState } from "../stores/counters.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Caller } from "./call.ts";

/** Where the quotas of this caller stand; absent where the key has none. */
export interface Quotas {
  requests?: QuotaState;
  tokens?: QuotaState;
}

export interface Admission {
  quotas: Quotas;
  /** What was really used; once. Tokens of prompt and completion together. */
  settle(tokens: number): Promise<void>;
  /** Nothing was done: the request counts for nothing. */
  withdraw(): Promise<void>;
}

/** Refused, with where the quotas stand, for dialects that say so in headers. */
export class QuotaError extends EngineError {
  readonly quotas: Quotas;

  constructor(message: string, retryAfterSeconds: number, quotas: Quotas) {
    super("rate_limited", message, { retryAfterSeconds });
    this.quotas = quotas;
  }
}

export interface AdmissionEngine {
  counters?: Pick<Counters, "take">;
  telemetry: Telemetry;
}

interface Kind {
  field: keyof KeyLimits;
  of: keyof Quotas;
  windowMs: number;
  words: string;
}

const kinds: readonly Kind[] = [
  { field: "requestsPerMinute", of: "requests", windowMs: 60_000, words: "requests a minute" },
  { field: "tokensPerMinute", of: "tokens", windowMs: 60_000, words: "tokens a minute" },
  { field: "tokensPerDay", of: "tokens", windowMs: 86_400_000, words: "tokens a day" },
];

const unlimited: Admission = {
  quotas: {},
  settle: async () => undefined,
  withdraw: async () => undefined,
};

/** Sets `tokens` aside until it is known how many it took. @throws QuotaError rate_limited */
export async function admit(
  engine: AdmissionEngine,
  caller: Caller,
  tokens: number,
): Promise<Admission> {
  const known = kinds.filter(kind => caller.limits?.[kind.field] !== undefined);
  const { counters } = engine;
  if (known.length === 0 || counters === undefined) return unlimited;
  const claims = known.map(kind => toClaim(kind, caller, tokens));
  const taken = await counters.take(claims);
  const quotas = toQuotas(known, taken.states);
  if (!taken.granted) throw refuse(engine, caller, known, taken.refused, taken.states, quotas);
  const settle = (requests: number, used: number) =>
    taken.settle(known.map(kind => (kind.of === "requests" ? requests : used)));
  return { quotas, settle: used => settle(1, used), withdraw: () => settle(0, 0) };
}

/** Keys of one name share their quotas: a key that is replaced has two for a while. */
function toClaim(
  { field, of, windowMs }: Kind,
  { principal, limits }: Caller,
  tokens: number,
): Claim {
  return {
    key: `${principal.tenant}/${principal.key}/${field}`,
    amount: of === "requests" ? 1 : tokens,
    limit: limits?.[field] ?? 0,
    windowMs,
  };
}

/** Of two quotas of the same thing the one that has less left. */
function toQuotas(known: readonly Kind[], states: readonly QuotaState[]): Quotas {
  const quotas: Quotas = {};
  for (const [index, { of }] of known.entries()) {
    const state = states[index];
    if (state !== undefined && state.remaining <= (quotas[of]?.remaining ?? Infinity))
      quotas[of] = state;
  }
  return quotas;
}

function refuse(
  engine: AdmissionEngine,
  caller: Caller,
  known: readonly Kind[],
  refused: number,
  states: readonly QuotaState[],
  quotas: Quotas,
): QuotaError {
  const kind = known[refused];
  const state = states[refused];
  engine.telemetry.metrics.add("echorator_limited_total", { limit: kind?.field ?? "" });
  const message = `The key "${caller.principal.key}" has used up its ${state?.limit} ${kind?.words}.`;
  return new QuotaError(message, (state?.resetMs ?? 0) / 1_000, quotas);
}

/** Characters a token; few, so that rather too much is set aside. What is not used is given back. */
const charactersPerToken = 3;

/** What a generation may take at most, as far as that can be told before it is tokenised. */
export function estimateTokens(
  request: Pick<GenerateRequest, "input" | "maxTokens">,
  contextTokens: number | undefined,
): { prompt: number; total: number } {
  const prompt = estimateText(countCharacters(request.input));
  const completion = request.maxTokens ?? limits.completionTokensDefault;
  return { prompt, total: Math.min(prompt + completion, contextTokens ?? Infinity) };
}

function countCharacters(input: GenerateRequest["input"]): number {
  if (input.kind === "prompt") return input.prompt.length;
  const tools = input.tools === undefined ? 0 : JSON.stringify(input.tools).length;
  return input.messages.reduce((sum, message) => sum + message.content.length, tools);
}

export function estimateText(characters: number): number {
  return Math.ceil(characters / charactersPerToken);
}

/** The same items; when they end, or are given up, what they took is settled. */
export async function* settleAfter<D extends DoneItem>(
  items: AsyncIterable<Exclude<GenerateItem, DoneItem> | D>,
  admission: Admission,
  promptTokens: number,
): AsyncGenerator<Exclude<GenerateItem, DoneItem> | D> {
  let used = promptTokens;
  let characters = 0;
  try {
    for await (const item of items) {
      if (item.type === "done") used = item.usage.promptTokens + item.usage.completionTokens;
      else {
        characters += "text" in item ? item.text.length : JSON.stringify(item.call).length;
        used = promptTokens + (item.tokens ?? estimateText(characters));
      }
      yield item;
    }
  } finally {
    await admission.settle(used);
  }
}
