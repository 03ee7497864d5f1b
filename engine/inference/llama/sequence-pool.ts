/** The sequences of a context: lent to replies, with sampler and grammar; which one serves whom is decided in sequences.ts. */
import {
  type Llama,
  type LlamaContext,
  type LlamaContextSequence,
  LlamaGrammarEvaluationState,
  type LlamaModel,
  type SequenceEvaluateOptions,
  type Token,
} from "node-llama-cpp";
import { defaultSampling, type Sampling } from "../../contract/chat.ts";
import { EngineError } from "../../contract/errors.ts";
import type { Decoder } from "./decode-loop.ts";
import { advanceGrammar } from "./grammar-advance.ts";
import { chooseSequence, type HeldSequence } from "./sequences.ts";

export interface TakenSequence {
  cachedTokens: number;
  /** The part of the prompt that is left to evaluate. */
  prompt: number[];
  decoder: Decoder;
  release(): void;
}

export interface ReplyGrammar {
  /** GBNF */
  text: string;
  /** Tokens of the reply that are there already. */
  written: readonly number[];
}

export function createSequences(
  llama: Llama,
  model: LlamaModel,
  context: LlamaContext,
  slots: number,
) {
  type Held = {
    sequence: LlamaContextSequence;
    busy: boolean;
    scope: string | undefined;
    usedAt: number;
    /** Resolves when what was forgotten is out of it. */
    cleared: Promise<void>;
  };
  const held: Held[] = Array.from({ length: slots }, () => ({
    sequence: context.getSequence(),
    busy: false,
    scope: undefined,
    usedAt: 0,
    cleared: Promise.resolve(),
  }));
  let uses = 0;
  const toHeldTokens = (one: Held): HeldSequence => ({
    ...one,
    tokens: one.sequence.contextTokens,
  });

  const clear = (one: Held) => {
    // What could not be taken out is still under no scope, so that nobody goes on from it.
    one.cleared = one.sequence.clearHistory().catch(() => undefined);
  };

  return {
    heldTokens: () => held.reduce((sum, one) => sum + one.sequence.nextTokenIndex, 0),
    forget(scope: string) {
      for (const one of held) {
        if (one.scope !== scope) continue;
        one.scope = undefined;
        if (!one.busy) clear(one);
      }
    },
    async take(
      scope: string,
      prompt: readonly number[],
      sampling: Sampling,
      grammar: ReplyGrammar | undefined,
    ): Promise<TakenSequence> {
      const options = await toEvaluateOptions(llama, model, sampling, grammar);
      const choice = chooseSequence(held.map(toHeldTokens), scope, prompt);
      const one = choice && held[choice.index];
      if (choice === undefined || one === undefined)
        throw new EngineError("internal", "No sequence of the model is free.");
      one.busy = true;
      one.usedAt = uses += 1;
      one.scope = scope;
      const { sequence, cleared } = one;
      await cleared;
      // Where the state cannot be cut, a cut would evaluate everything again behind the scheduler's back.
      const whole = choice.keep === sequence.nextTokenIndex || !sequence.needsCheckpoints;
      const keep = whole ? choice.keep : 0;
      try {
        if (keep < sequence.nextTokenIndex)
          await sequence.eraseContextTokenRanges([{ start: keep, end: sequence.nextTokenIndex }]);
      } catch (error) {
        one.busy = false;
        one.scope = undefined;
        throw error;
      }
      return {
        cachedTokens: keep,
        prompt: prompt.slice(keep),
        decoder: toDecoder(sequence, withPenalties(options, sampling, sequence)),
        release() {
          one.busy = false;
          if (one.scope === undefined) clear(one);
        },
      };
    },
  };
}

function toDecoder(sequence: LlamaContextSequence, options: SequenceEvaluateOptions): Decoder {
  let tokens: AsyncGenerator<Token, void, undefined | Token | Token[]> | undefined;
  const next = async () => {
    const result = await tokens?.next();
    return result === undefined || result.done ? undefined : result.value;
  };
  return {
    prefill: part => sequence.evaluateWithoutGeneratingNewTokens(part as Token[]),
    begin(part) {
      tokens = sequence.evaluate(part as Token[], options) as NonNullable<typeof tokens>;
      return next();
    },
    next,
    async stop() {
      await tokens?.return();
    },
  };
}

async function toEvaluateOptions(
  llama: Llama,
  model: LlamaModel,
  sampling: Sampling,
  grammar: ReplyGrammar | undefined,
): Promise<SequenceEvaluateOptions> {
  const { temperature, topK, topP, minP } = { ...defaultSampling, ...sampling };
  const seed = sampling.seed ?? Math.floor(Math.random() * 0x1_0000_0000);
  return {
    temperature,
    topK,
    topP,
    minP,
    seed: seed >>> 0,
    ...(grammar === undefined
      ? {}
      : { grammarEvaluationState: await toGrammarState(llama, model, grammar) }),
  };
}

async function toGrammarState(llama: Llama, model: LlamaModel, wish: ReplyGrammar) {
  try {
    const grammar = await llama.createGrammar({ grammar: wish.text });
    const state = new LlamaGrammarEvaluationState({ model, grammar });
    advanceGrammar(state, wish.written);
    return state;
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const message =
      "Output cannot be held to this schema: it refers to itself without end, or is too large.";
    throw new EngineError("unsupported", message, { field: "format", cause: error });
  }
}

function withPenalties(
  options: SequenceEvaluateOptions,
  sampling: Sampling,
  sequence: LlamaContextSequence,
): SequenceEvaluateOptions {
  const { repeatPenalty, repeatLastTokens, presencePenalty, frequencyPenalty } = {
    ...defaultSampling,
    ...sampling,
  };
  const none = repeatPenalty === 1 && presencePenalty === 0 && frequencyPenalty === 0;
  if (none || repeatLastTokens === 0) return options;
  const last = repeatLastTokens < 0 ? sequence.contextSize : repeatLastTokens;
  return {
    ...options,
    repeatPenalty: {
      punishTokens: () => sequence.contextTokens.slice(-last),
      maxPunishTokens: last,
      penalty: repeatPenalty,
      presencePenalty,
      frequencyPenalty,
    },
  };
}
