/** What an inference process does with the messages of the engine: replies, counts and embeddings of one model. */
import type {
  BegunReply,
  GenerateInput,
  GenerateItem,
  GenerateRequest,
  JsonSchema,
} from "../../contract/chat.ts";
import { EngineError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { createChatTemplate, type ToolForm } from "./chat-template.ts";
import { createComputeGate } from "./compute-gate.ts";
import { createDecodeLoop, type DecodeTask } from "./decode-loop.ts";
import { toReplyGrammar } from "./grammar.ts";
import type { LoadedModel } from "./loaded-model.ts";
import type { PromptPart } from "./markup-guard.ts";
import type { FromChild, ToChild } from "./protocol.ts";
import { createReply } from "./reply.ts";

export interface ModelService {
  handle(message: Exclude<ToChild, { type: "open" }>): void;
}

interface Prompt {
  tokens: number[];
  parts: PromptPart[];
  stops: string[];
  toolForm: ToolForm;
  startsInThought: boolean;
}

export function createModelService(
  model: LoadedModel,
  send: (message: FromChild) => void,
): ModelService {
  const template = createChatTemplate({
    source: model.chatTemplate,
    bosToken: model.bosToken,
    eosToken: model.eosToken,
    specials: model.specials,
    warn: message => send({ type: "log", level: "warn", message }),
  });
  const gate = createComputeGate({
    apply: model.setThreads,
    confirm: grant => send({ type: "granted", grant }),
  });
  let outbox: [number, GenerateItem][] = [];
  const flush = () => {
    if (outbox.length > 0) send({ type: "items", items: outbox, held: model.heldTokens() });
    outbox = [];
  };
  const loop = createDecodeLoop({
    batchSize: model.batchSize,
    enter: gate.enter,
    leave: gate.leave,
    onBatch: model.expect,
    flush,
  });
  /** Requests that are being worked on, and how each is cancelled. */
  const cancels = new Map<number, (reason: EngineError) => void>();

  const fail = (id: number, error: unknown) => {
    flush();
    cancels.delete(id);
    send({ type: "error", id, error: toEngineError(error).toJSON() });
  };

  const toPrompt = (input: GenerateInput, schema?: JsonSchema): Prompt => {
    if (input.kind === "prompt") {
      const parts = [{ text: input.prompt, markup: true }];
      const tokens = model.tokenize(parts);
      return { tokens, parts, stops: [], toolForm: "hermes", startsInThought: false };
    }
    const chat = template.render({
      messages: input.messages,
      tools: input.toolChoice === "none" ? [] : (input.tools ?? []),
      responseSchema: schema,
    });
    const parts = [...chat.parts];
    let startsInThought = parts.at(-1)?.text.trimEnd().endsWith("<think>") ?? false;
    // A grammar holds from the first token on, so a thought that the template opened is closed again.
    if (startsInThought && schema !== undefined) {
      parts.push({ text: "\n</think>\n\n", markup: true });
      startsInThought = false;
    }
    return { ...chat, parts, tokens: model.tokenize(parts), startsInThought };
  };

  const generate = async (id: number, request: GenerateRequest): Promise<void> => {
    let cancelled: EngineError | undefined;
    cancels.set(id, reason => {
      cancelled = reason;
    });
    const { input } = request;
    const format = request.format ?? { type: "text" };
    const prompt = toPrompt(input, format.type === "schema" ? format.schema : undefined);
    refuseUnfit(prompt.tokens.length, model.facts.contextTokens);
    const tools = offeredTools(input);
    const choice = input.kind === "messages" ? input.toolChoice : undefined;
    const mustCall = tools.length > 0 && (choice === "required" || typeof choice === "object");
    const grammar = toReplyGrammar({ format, tools, mustCall, toolForm: prompt.toolForm });
    const written = toWritten(prompt, request.already);
    const taken = await model.takeSequence(
      request.cacheScope,
      [...prompt.tokens, ...written],
      request.sampling ?? {},
      grammar === undefined ? undefined : { text: grammar, written },
    );
    const left = model.facts.contextTokens - prompt.tokens.length - written.length;
    const room = left + (request.already?.tokens ?? 0);
    const reply = createReply({
      text: model.newText(written),
      toolForm: tools.length === 0 ? undefined : prompt.toolForm,
      startsInThought: prompt.startsInThought && !mustCall,
      stops: [...(request.stop ?? []), ...prompt.stops],
      room: Math.min(room, request.maxTokens ?? limits.completionTokensDefault),
      already: request.already,
      promptTokens: prompt.tokens.length,
      cachedTokens: Math.min(taken.cachedTokens, prompt.tokens.length),
      now: () => performance.now(),
      emit: item => outbox.push([id, item]),
    });
    const task: DecodeTask = {
      decoder: taken.decoder,
      prompt: taken.prompt,
      onToken: reply.push,
      onEnd(error) {
        taken.release();
        if (error !== undefined) return fail(id, error);
        for (const item of reply.finish()) outbox.push([id, item]);
        cancels.delete(id);
      },
    };
    if (cancelled !== undefined) return task.onEnd(cancelled);
    if (reply.isComplete()) {
      task.onEnd(undefined);
      return flush();
    }
    cancels.set(id, reason => loop.cancel(task, reason));
    loop.add(task);
  };

  /** Tokens of a begun reply, as they stand after the prompt. */
  const toWritten = (prompt: Prompt, already: BegunReply | undefined): number[] => {
    if (already === undefined) return [];
    const parts = [...prompt.parts, ...model.toReplyParts(already.raw)];
    return model.tokenize(parts).slice(prompt.tokens.length);
  };

  /** Texts one after the other: the library embeds one at a time. */
  let embedding: Promise<void> = Promise.resolve();
  const embed = async (id: number, texts: readonly string[]): Promise<void> => {
    let cancelled: EngineError | undefined;
    cancels.set(id, reason => {
      cancelled = reason;
    });
    const vectors: number[][] = [];
    let promptTokens = 0;
    for (const text of texts) {
      await gate.enter();
      try {
        if (cancelled !== undefined) throw cancelled;
        const { vector, tokens } = await model.embedder.embed(text);
        vectors.push(vector);
        promptTokens += tokens;
      } finally {
        gate.leave();
      }
    }
    cancels.delete(id);
    send({ type: "embedded", id, result: { vectors, promptTokens } });
  };

  return {
    handle(message) {
      switch (message.type) {
        case "generate":
          generate(message.id, message.request).catch(error => fail(message.id, error));
          return;
        case "count":
          try {
            const { tokens } = toPrompt(message.input);
            send({ type: "counted", id: message.id, tokens: tokens.length });
          } catch (error) {
            fail(message.id, error);
          }
          return;
        case "embed":
          embedding = embedding
            .then(() => embed(message.id, message.texts))
            .catch(error => fail(message.id, error));
          return;
        case "cancel":
          cancels.get(message.id)?.(new EngineError("cancelled", "The request was cancelled."));
          return;
        case "ping":
          return send({ type: "alive" });
        case "forget":
          return model.forget(message.scope);
        case "grant":
          gate.grant(message.threads, message.grant);
      }
    },
  };
}

function offeredTools(input: GenerateInput) {
  if (input.kind === "prompt" || input.toolChoice === "none") return [];
  const tools = input.tools ?? [];
  if (typeof input.toolChoice !== "object") return tools;
  const { name } = input.toolChoice;
  const named = tools.filter(tool => tool.name === name);
  if (named.length > 0) return named;
  throw new EngineError("invalid_request", `There is no tool "${name}" among the tools.`, {
    field: "tool_choice",
  });
}

/** A prompt without a token has nothing to go on from: the decode loop could never begin it. */
function refuseUnfit(tokens: number, contextTokens: number): void {
  if (tokens === 0)
    throw new EngineError(
      "invalid_request",
      "The prompt is empty: there is nothing to go on from.",
      {
        field: "prompt",
        remedy: "Send at least one word.",
      },
    );
  if (tokens < contextTokens) return;
  throw new EngineError(
    "context_exceeded",
    `The prompt has ${tokens} tokens and the model's context holds ${contextTokens}.`,
  );
}

function toEngineError(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new EngineError("internal", `The model failed: ${reason}`, { cause: error });
}
