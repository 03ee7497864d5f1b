/** A model in this process's memory: node-llama-cpp behind the few things that serving a model needs. */
import {
  getLlama,
  type Llama,
  type LlamaContext,
  type LlamaContextSequence,
  LlamaGrammarEvaluationState,
  LlamaLogLevel,
  type LlamaModel,
  type SequenceEvaluateOptions,
  type Token,
} from "node-llama-cpp";
import { defaultSampling, type Sampling } from "../../contract/chat.ts";
import { EngineError } from "../../contract/errors.ts";
import type { BackendFacts } from "../backend.ts";
import { chooseGpu } from "./compute-device.ts";
import type { Decoder } from "./decode-loop.ts";
import { createEmbedder, type Embedder, poolsByItself } from "./embedder.ts";
import { advanceGrammar } from "./grammar-advance.ts";
import type { PromptPart } from "./markup-guard.ts";
import type { OpenSettings } from "./protocol.ts";
import { chooseSequence, type HeldSequence } from "./sequences.ts";
import { createTokenText, type TokenText } from "./token-text.ts";

/** Tokens of one sequence when neither the specification nor the file asks for less. */
const contextTokensDefault = 4_096;
const batchSizeMax = 512;

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

export interface LoadedModel {
  readonly facts: BackendFacts;
  readonly batchSize: number;
  readonly chatTemplate: string | undefined;
  readonly bosToken: string;
  readonly eosToken: string;
  /** Texts that the tokenizer takes for special tokens. */
  readonly specials: readonly string[];
  tokenize(parts: readonly PromptPart[]): number[];
  /** A reply's text as parts of a prompt: the markup that the parser knows is markup, all else is text. */
  toReplyParts(raw: string): PromptPart[];
  /** `earlier`: tokens of the reply that are there already. */
  newText(earlier?: readonly number[]): TokenText;
  /** @throws EngineError model_not_ready when no sequence is free, unsupported when the grammar is refused */
  takeSequence(
    scope: string,
    prompt: readonly number[],
    sampling: Sampling,
    grammar: ReplyGrammar | undefined,
  ): Promise<TakenSequence>;
  /** Holds nothing of the scope any more; a busy sequence once it is free. */
  forget(scope: string): void;
  embedder: Embedder;
  setThreads(threads: number): void;
  /** How many sequences the next batch waits for. */
  expect(sequences: number): void;
}

/** @throws EngineError invalid_model_file with the reason of the native code */
export async function loadModel(settings: OpenSettings): Promise<LoadedModel> {
  const llama = await getLlama({
    gpu: chooseGpu(),
    build: "never",
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
    // The process's stderr is the engine's to read.
    logger: (_, message) => process.stderr.write(`${message}\n`),
    maxThreads: settings.threadsMax,
  });
  const model = await llama.loadModel({ modelPath: settings.path }).catch(refuseFile);
  const contextTokens =
    settings.contextTokens ?? Math.min(model.trainContextSize, contextTokensDefault);
  const embedder = createEmbedder(model, contextTokens, settings.threadsMax);
  if (poolsByItself(model)) return toEmbeddingModel(llama, model, embedder, contextTokens);

  const batch = createBatchPlan();
  const context = await model
    .createContext({
      sequences: settings.slots,
      contextSize: contextTokens,
      batchSize: Math.min(contextTokens, batchSizeMax),
      threads: { ideal: settings.threadsMax, min: 1 },
      batching: { itemPrioritizationStrategy: batch.choose },
    })
    .catch(refuseContext);
  const sequences = createSequences(llama, model, context, settings.slots);
  return {
    ...toText(model),
    facts: {
      contextTokens,
      slots: settings.slots,
      memoryBytes: memoryOf(model, context),
      capabilities: ["completion", "tools"],
    },
    batchSize: context.batchSize,
    takeSequence: sequences.take,
    forget: sequences.forget,
    embedder,
    setThreads: threads => setThreads(llama, threads),
    expect: batch.expect,
  };
}

function toEmbeddingModel(
  llama: Llama,
  model: LlamaModel,
  embedder: Embedder,
  contextTokens: number,
): LoadedModel {
  return {
    ...toText(model),
    facts: { contextTokens, slots: 1, memoryBytes: memoryOf(model), capabilities: ["embedding"] },
    batchSize: batchSizeMax,
    async takeSequence() {
      throw new EngineError("unsupported", "This model embeds texts and cannot write any.", {
        field: "model",
        remedy: "Name a model that can chat.",
      });
    },
    forget: () => {},
    embedder,
    setThreads: threads => setThreads(llama, threads),
    expect: () => {},
  };
}

/** 0 would mean no bound at all. */
function setThreads(llama: Llama, threads: number): void {
  llama.maxThreads = Math.max(1, threads);
}

function memoryOf(model: LlamaModel, context?: LlamaContext): number {
  const parts = [model.memoryUsage, context?.memoryUsage ?? { ram: 0, vram: 0 }];
  return parts.reduce((sum, part) => sum + part.ram + part.vram, 0) || model.size;
}

function toText(model: LlamaModel) {
  const specials = listSpecials(model);
  const markup = new Map(
    ["<think>", "</think>", "<tool_call>", "</tool_call>"].flatMap(text => {
      const token = specials.get(text);
      return token === undefined ? [] : [[token, text] as const];
    }),
  );
  const { bos, shouldPrependBosToken } = model.tokens;
  return {
    chatTemplate: model.fileInfo.metadata.tokenizer?.chat_template,
    bosToken: model.tokens.bosString ?? "",
    eosToken: model.tokens.eosString ?? "",
    specials: [...specials.keys()],
    tokenize(parts: readonly PromptPart[]): number[] {
      const tokens: number[] = parts.flatMap((part, index) =>
        model.tokenize(part.text, part.markup, index === 0 ? undefined : "trimLeadingSpace"),
      );
      if (shouldPrependBosToken && bos !== null && tokens[0] !== bos) tokens.unshift(bos);
      return tokens;
    },
    toReplyParts: (raw: string): PromptPart[] => splitAtMarkup(raw, [...markup.values()]),
    newText: (earlier: readonly number[] = []) =>
      createTokenText((tokens, before) => {
        // Markup that is a special token has no text of its own, and the parser must see it.
        if (tokens.some(token => markup.has(token as Token)))
          return tokens.map(token => markup.get(token as Token) ?? "").join("");
        return model.detokenize(tokens as Token[], false, before as Token[]);
      }, earlier),
  };
}

function splitAtMarkup(text: string, marks: readonly string[]): PromptPart[] {
  const pattern = new RegExp(`(${marks.join("|")})`);
  const parts = marks.length === 0 ? [text] : text.split(pattern);
  return parts
    .map(part => ({ text: part, markup: marks.includes(part) }))
    .filter(part => part.text !== "");
}

function listSpecials(model: LlamaModel): Map<string, Token> {
  const specials = new Map<string, Token>();
  for (const token of model.iterateAllTokens()) {
    const attributes = model.getTokenAttributes(token);
    if (attributes.control || attributes.unknown)
      specials.set(model.detokenize([token], true), token);
  }
  specials.delete("");
  return specials;
}

/**
 * The library sends a batch away before the last sequence has queued its token.
 * Choosing nothing makes it look again, a bounded number of times, until all that were announced are there.
 */
function createBatchPlan() {
  const looksMax = 256;
  let expected = 0;
  let looks = 0;
  type Item = { tokens: readonly Token[] };
  return {
    expect(sequences: number) {
      expected = sequences;
      looks = 0;
    },
    choose<T extends Item>({ items }: { items: readonly T[] }) {
      looks += 1;
      if (items.length < expected && looks < looksMax) return [];
      return items.map(item => ({ item, processAmount: item.tokens.length }));
    },
  };
}

function createSequences(llama: Llama, model: LlamaModel, context: LlamaContext, slots: number) {
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

function refuseFile(error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error);
  throw new EngineError("invalid_model_file", `llama.cpp cannot load the file: ${reason}`);
}

function refuseContext(error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error);
  throw new EngineError("internal", `The model's context could not be created: ${reason}`, {
    remedy: "Lower `context` or `slots` of the model, or free memory.",
  });
}
