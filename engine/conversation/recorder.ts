/** Writes a turn into the log: the new words before the answer begins, the answer however it ends. */
import { withIndex } from "../cognition/remember.ts";
import type { Message } from "../contract/chat.ts";
import type { EventRole } from "../contract/memory.ts";
import type { Clock } from "../kit/clock.ts";
import type { EventStatus, Store, StoredEvent } from "../stores/store.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { TurnRequest } from "./conversations.ts";
import { toNewWords, trustByRole } from "./remembered.ts";

export interface Recorder {
  /** Durable when it resolves. */
  remember(messages: readonly Message[]): Promise<void>;
  /** The event's id; undefined when nothing is remembered, or there was nothing to. */
  rememberAnswer(text: string, status: EventStatus): Promise<string | undefined>;
}

export interface RecorderOptions {
  request: TurnRequest;
  model: string;
  /** Absent = nothing is remembered. */
  target: { store: Store; conversation: string } | undefined;
  /** Aborted when the conversation was deleted: nothing may bring it back. */
  erased: AbortSignal | undefined;
  clock: Clock;
  telemetry: Telemetry;
}

export function createRecorder(options: RecorderOptions): Recorder {
  const { request, model, target, erased, clock, telemetry } = options;

  async function append(
    role: EventRole,
    text: string,
    status: EventStatus,
  ): Promise<StoredEvent | undefined> {
    if (target === undefined || erased?.aborted) return undefined;
    const stored = await target.store.append(
      withIndex({
        conversation: target.conversation,
        role,
        text,
        timeMs: clock.now(),
        requestId: request.requestId,
        source: request.dialect,
        trust: trustByRole[role],
        status,
        model: role === "assistant" ? model : undefined,
      }),
    );
    telemetry.metrics.add("dte_events_total", { role });
    return stored;
  }

  async function remember(messages: readonly Message[]): Promise<void> {
    if (target === undefined) return;
    const words = toNewWords(messages, request.history);
    const [last] = await target.store.history(target.conversation, 1);
    for (const { role, text } of words) {
      // Sent again because it got no answer: it is remembered already.
      const isRetry =
        words.length === 1 && role === "user" && last?.role === "user" && last.text === text;
      if (!isRetry) await append(role, text, "complete");
    }
  }

  return {
    remember,
    rememberAnswer: async (text, status) =>
      text === "" ? undefined : (await append("assistant", text, status))?.id,
  };
}
