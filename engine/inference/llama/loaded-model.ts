/** A model in this process's memory: node-llama-cpp behind the few things that serving a model needs. */
import {
  getLlama,
  type Llama,
  type LlamaContext,
  LlamaLogLevel,
  type LlamaModel,
  type Token,
} from "node-llama-cpp";
import type { Sampling } from "../../contract/chat.ts";
import { EngineError } from "../../contract/errors.ts";
import type { BackendFacts } from "../backend.ts";
import { chooseGpu } from "./compute-device.ts";
import { createEmbedder, type Embedder, poolsByItself } from "./embedder.ts";
import type { PromptPart } from "./markup-guard.ts";
import type { OpenSettings } from "./protocol.ts";
import { createSequences, type ReplyGrammar, type TakenSequence } from "./sequence-pool.ts";
import type { TokenText } from "./token-text.ts";
import { toText } from "./vocabulary.ts";

/** Tokens of one sequence when neither the specification nor the file asks for less. */
const contextTokensDefault = 4_096;
const batchSizeMax = 512;

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
  /** Tokens whose keys and values are there, in all sequences. */
  heldTokens(): number;
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
  const { adapters = [] } = settings;
  if (poolsByItself(model)) {
    if (adapters.length > 0) throw noAdaptedEmbeddings();
    const own = createEmbedder(model, contextTokens, settings.threadsMax);
    return toEmbeddingModel(llama, model, own, contextTokens);
  }

  const batch = createBatchPlan();
  const context = await model
    .createContext({
      sequences: settings.slots,
      contextSize: contextTokens,
      batchSize: Math.min(contextTokens, batchSizeMax),
      threads: { ideal: settings.threadsMax, min: 1 },
      batching: { itemPrioritizationStrategy: batch.choose },
      ...toCacheTypes(settings.kv),
      ...(adapters.length > 0 ? { lora: { adapters: adapters.map(toLora) } } : {}),
    })
    .catch(error => refuseContext(error, settings));
  const sequences = createSequences(llama, model, context, settings.slots);
  return {
    ...toText(model),
    facts: {
      contextTokens,
      slots: settings.slots,
      memoryBytes: adapters.reduce((sum, { bytes }) => sum + bytes, memoryOf(model, context)),
      capabilities: ["completion", "tools"],
    },
    batchSize: context.batchSize,
    takeSequence: sequences.take,
    forget: sequences.forget,
    heldTokens: sequences.heldTokens,
    embedder:
      adapters.length > 0
        ? { embed: async () => Promise.reject(noAdaptedEmbeddings()) }
        : createEmbedder(model, contextTokens, settings.threadsMax),
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
    heldTokens: () => 0,
    embedder,
    setThreads: threads => setThreads(llama, threads),
    expect: () => {},
  };
}

function toLora({ path, scale }: { path: string; scale: number }) {
  return { filePath: path, scale };
}

/** The library's contexts for embeddings take no adapters, and vectors without them would not be what was asked for. */
function noAdaptedEmbeddings(): EngineError {
  return new EngineError("unsupported", "A model with LoRA adapters cannot embed texts.", {
    field: "adapters",
    remedy: "Declare the weights without adapters as another model, and embed with that one.",
  });
}

/** 0 would mean no bound at all. */
function setThreads(llama: Llama, threads: number): void {
  llama.maxThreads = Math.max(1, threads);
}

function memoryOf(model: LlamaModel, context?: LlamaContext): number {
  const parts = [model.memoryUsage, context?.memoryUsage ?? { ram: 0, vram: 0 }];
  return parts.reduce((sum, part) => sum + part.ram + part.vram, 0) || model.size;
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

function refuseFile(error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error);
  throw new EngineError("invalid_model_file", `llama.cpp cannot load the file: ${reason}`);
}

/** Values of another type than the weights' own are read by the fused attention only. */
function toCacheTypes(kv: OpenSettings["kv"]) {
  if (kv === undefined) return {};
  return {
    experimentalKvCacheKeyType: cacheTypes[kv.keys],
    experimentalKvCacheValueType: cacheTypes[kv.values],
    ...(/^q/.test(kv.values) ? { flashAttention: true } : {}),
  };
}

const cacheTypes = { f32: "F32", f16: "F16", q8_0: "Q8_0", q5_0: "Q5_0", q4_0: "Q4_0" } as const;

function refuseContext(error: unknown, { kv, adapters = [] }: OpenSettings): never {
  const reason = error instanceof Error ? error.message : String(error);
  if (/lora/i.test(reason) && adapters.length > 0)
    throw new EngineError(
      "invalid_model_file",
      `llama.cpp cannot apply the model's adapters: ${reason}`,
      { field: "adapters" },
    );
  if (kv !== undefined)
    throw new EngineError(
      "unsupported",
      `The model's context cannot be had with keys as ${kv.keys} and values as ${kv.values}: ${reason}`,
      { field: "kv", remedy: "Leave `kv` out, or lower `context` or `slots`." },
    );
  throw new EngineError("internal", `The model's context could not be created: ${reason}`, {
    remedy: "Lower `context` or `slots` of the model, or free memory.",
  });
}
