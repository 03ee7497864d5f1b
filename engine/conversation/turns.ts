/** Every dialect's generation: history, recall, prompt, generation, remembering. */
import { createHash } from "node:crypto";
import type { EngineConfig } from "../contract/config.ts";
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import { writes } from "../contract/memory.ts";
import type { Lease, ServedModels } from "../inference/served-models.ts";
import type { Clock } from "../kit/clock.ts";
import type { NewId } from "../kit/identifiers.ts";
import type { Random } from "../kit/random.ts";
import type { Store, Stores } from "../stores/store.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { endOnAbort, toAbortError } from "./abort.ts";
import type { Conversations, Principal, TurnItem, TurnRequest } from "./conversations.ts";
import { generate } from "./generation.ts";
import { preparePrompt } from "./preparation.ts";
import { withSystem } from "./prompt.ts";
import { createRecorder, type Recorder } from "./recorder.ts";
import { createTurnQueue } from "./turn-queue.ts";

export interface ConversationsOptions {
  stores: Stores;
  models: ServedModels;
  clock: Clock;
  newId: NewId;
  random: Random;
  telemetry: Telemetry;
  /** Asked at each turn: an admin may change it while the engine runs. */
  policy: () => EngineConfig["memory"];
}

/** Where a turn reads and writes; absent for turns without memory. */
export interface TurnMemory {
  store: Store;
  /** Absent when the turn only recalls. */
  conversation: string | undefined;
}

export function createConversations(options: ConversationsOptions): Conversations {
  const { stores, models, clock, newId, telemetry } = options;
  const queue = createTurnQueue();
  const openStore = ({ tenant, subject }: Principal) => stores.open({ tenant, subject });

  async function* takeTurn(
    request: TurnRequest,
    signal: AbortSignal,
  ): AsyncGenerator<TurnItem, void> {
    const arrivedMs = clock.monotonic();
    const memory = await openMemory(request);
    const id = memory?.conversation;
    const place =
      id === undefined ? undefined : await queue.enter(toKey(request.principal, id), signal);
    try {
      await refuseUnknown(request, memory);
      using lease = await models.acquire(request.model, signal);
      const signals = place === undefined ? signal : AbortSignal.any([signal, place.signal]);
      yield* runTurn(request, { memory, lease, arrivedMs, signal: signals, erased: place?.signal });
    } catch (error) {
      // Whatever the cut turn says, the reason is that its conversation is gone.
      throw place?.signal.aborted ? place.signal.reason : error;
    } finally {
      place?.leave();
    }
  }

  async function* runTurn(
    request: TurnRequest,
    { memory, lease, arrivedMs, signal, erased }: RunningTurn,
  ): AsyncGenerator<TurnItem> {
    const { input } = request.generate;
    const asked = input.kind === "prompt" ? input : withSystem(input, lease.status.spec.system);
    const model = lease.status.spec.name;
    const recorder = toRecorder(request, memory, model, erased);
    const prepared =
      memory === undefined || asked.kind === "prompt"
        ? { input: asked, used: [] }
        : await preparePrompt(asked, { request, memory, lease, ...options });
    if (signal.aborted) throw toAbortError(signal);
    if (input.kind === "messages") await recorder.remember(input.messages);
    yield { type: "start", model, conversation: memory?.conversation, used: prepared.used };
    const generating = {
      ...request.generate,
      input: prepared.input,
      cacheScope: toCacheScope(request.principal, request.conversation),
    };
    yield* generate(generating, { lease, recorder, clock, telemetry, arrivedMs, signal });
  }

  function toRecorder(
    request: TurnRequest,
    memory: TurnMemory | undefined,
    model: string,
    erased: AbortSignal | undefined,
  ): Recorder {
    const isKept = writes(request.memory) && memory?.conversation !== undefined;
    const target = isKept
      ? { store: memory.store, conversation: memory.conversation ?? "" }
      : undefined;
    return createRecorder({ request, model, target, erased, clock, telemetry });
  }

  /** "off" touches no store. A bare prompt has no place for memories and no speaker, so it has no memory either. */
  async function openMemory(request: TurnRequest): Promise<TurnMemory | undefined> {
    if (request.memory === "off" || request.generate.input.kind === "prompt") return undefined;
    const isNew = request.conversation === undefined && writes(request.memory);
    const conversation = isNew ? newId("cnv") : request.conversation;
    if (conversation !== undefined && !isConversationId(conversation))
      throw new EngineError(
        "invalid_request",
        "The conversation's id is empty, too long or has control characters.",
        {
          field: "conversation",
        },
      );
    try {
      return { store: await openStore(request.principal), conversation };
    } catch (error) {
      // Reading is a help and not a promise: the model answers without it.
      if (writes(request.memory) || request.history === "stored") throw error;
      telemetry.log.warn("memory cannot be opened; answering without", {
        requestId: request.requestId,
      });
      return undefined;
    }
  }

  async function refuseUnknown(
    request: TurnRequest,
    memory: TurnMemory | undefined,
  ): Promise<void> {
    const { conversation, history } = request;
    if (memory === undefined || conversation === undefined || history === "given") return;
    if ((await memory.store.conversation(conversation)) !== undefined) return;
    throw new EngineError("conversation_not_found", `There is no conversation "${conversation}".`);
  }

  return {
    turn: (request, signal) => endOnAbort(takeTurn(request, signal), signal),
    create: async principal => (await openStore(principal)).createConversation(),
    get: async (principal, id) => {
      const store = await openStore(principal);
      const conversation = await store.conversation(id);
      if (conversation === undefined) return undefined;
      return { conversation, events: await store.history(id, limits.conversationEventsShownMax) };
    },
    list: async (principal, { limit, before }) => {
      const bounded = Math.max(1, Math.min(limit, limits.conversationsPageMax));
      const page = { limit: bounded, ...(before === undefined ? {} : { before }) };
      return (await openStore(principal)).conversations(page);
    },
    delete: async (principal, id) => {
      const store = await openStore(principal);
      // The running turn need not end first: from here on it writes nothing, and what it wrote goes as well.
      queue.erase(toKey(principal, id));
      const erased = await store.deleteConversation(id);
      // A turn that began the conversation ran under the subject's scope, as it had none yet.
      for (const scope of [id, undefined]) models.forget(toCacheScope(principal, scope));
      if (erased !== undefined) telemetry.metrics.add("dte_erasures_total", {});
      return erased;
    },
  };
}

interface RunningTurn {
  memory: TurnMemory | undefined;
  lease: Lease;
  arrivedMs: number;
  signal: AbortSignal;
  /** Aborted when the conversation was deleted. */
  erased: AbortSignal | undefined;
}

function isConversationId(id: string): boolean {
  return id.length > 0 && id.length <= limits.conversationIdCharactersMax && !/\p{Cc}/u.test(id);
}

function toKey({ tenant, subject }: Principal, conversation: string): string {
  return JSON.stringify([tenant, subject, conversation]);
}

/** What may share a cached prefix: one conversation, else one subject's requests; never two subjects. */
function toCacheScope({ tenant, subject }: Principal, conversation: string | undefined): string {
  const parts = [tenant, subject, conversation ?? null];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}
