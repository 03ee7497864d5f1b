/** From a request to a prompt that holds history and memories. */
import { recall } from "../cognition/recall.ts";
import type { EngineConfig } from "../contract/config.ts";
import { limits } from "../contract/limits.ts";
import { memoryNonce, type RecalledMemory, reads } from "../contract/memory.ts";
import type { Lease } from "../inference/served-models.ts";
import type { Clock } from "../kit/clock.ts";
import { type Random, randomText } from "../kit/random.ts";
import type { StoredEvent } from "../stores/store.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { lastUserText, type TurnRequest } from "./conversations.ts";
import {
  type FittedPrompt,
  fitHistory,
  type MessagesInput,
  planRoom,
  withMemories,
} from "./prompt.ts";
import type { TurnMemory } from "./turns.ts";

export interface Preparation {
  request: TurnRequest;
  memory: TurnMemory;
  lease: Lease;
  clock: Clock;
  random: Random;
  telemetry: Telemetry;
  policy: () => EngineConfig["memory"];
}

export interface PreparedPrompt {
  input: MessagesInput;
  used: RecalledMemory[];
}

/** @throws EngineError context_exceeded, memory_failed */
export async function preparePrompt(
  asked: MessagesInput,
  preparation: Preparation,
): Promise<PreparedPrompt> {
  const { request, lease, policy } = preparation;
  const { backend } = lease;
  const wished = lease.status.spec.memory?.recallTokens ?? policy().recallTokens;
  const recallTokens = reads(request.memory) ? wished : 0;
  const room = planRoom(backend.facts().contextTokens, request.generate.maxTokens, recallTokens);
  const countTokens = (input: MessagesInput) => backend.countTokens(input);
  const prompt =
    request.history === "stored"
      ? await fitHistory(asked, await readHistory(asked, preparation), room, countTokens)
      : { input: asked, tokens: await countTokens(asked), sequences: new Set<number>() };
  const left = room.contextTokens - room.answerTokens - prompt.tokens;
  const tokensMax = Math.min(room.memoryTokens, left);
  const query = lastUserText(asked.messages) ?? lastUserText(prompt.input.messages);
  const used =
    tokensMax > 0 && query !== undefined
      ? await recallFor(query, prompt, tokensMax, preparation)
      : [];
  const nonce = randomText(preparation.random, memoryNonce.alphabet, memoryNonce.length);
  return { input: withMemories(prompt.input, used, nonce), used };
}

/** The conversation so far. A last message that got no answer and is sent again stands there already. */
async function readHistory(asked: MessagesInput, { memory }: Preparation): Promise<StoredEvent[]> {
  const { store, conversation } = memory;
  if (conversation === undefined) return [];
  const events = await store.history(conversation, limits.historyEventsMax);
  const last = events.at(-1);
  const isRetry = last?.role === "user" && last.text === lastUserText(asked.messages);
  return isRetry ? events.slice(0, -1) : events;
}

/** Recall is a help: when it fails, the model answers without. */
async function recallFor(
  query: string,
  prompt: FittedPrompt,
  tokensMax: number,
  { request, memory, lease, clock, telemetry }: Preparation,
): Promise<RecalledMemory[]> {
  const { messages } = prompt.input;
  const startedMs = clock.monotonic();
  let tokens = 0;
  try {
    return await recall(memory.store, query, {
      tokensMax,
      countTokens: text => lease.backend.countTokens({ kind: "prompt", prompt: text }),
      nowMs: clock.now(),
      inPrompt: messages.map(message => message.content),
      inPromptSequences: prompt.sequences,
      onPacked: packed => {
        tokens = packed;
      },
    });
  } catch (error) {
    const reason = error instanceof Error ? error.name : "unknown";
    telemetry.log.warn("recall failed; answering without", {
      requestId: request.requestId,
      reason,
    });
    return [];
  } finally {
    telemetry.metrics.observe("dte_recall_seconds", {}, (clock.monotonic() - startedMs) / 1000);
    telemetry.metrics.observe("dte_memory_tokens", {}, tokens);
  }
}
