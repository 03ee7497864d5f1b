/** Streams one generation: measures it, and sees to it that its words are remembered however it ends. */
import type { DoneItem, GenerateItem, GenerateRequest, ToolCall } from "../contract/chat.ts";
import { EngineError } from "../contract/errors.ts";
import type { Lease } from "../inference/served-models.ts";
import type { Clock } from "../kit/clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { TurnItem } from "./conversations.ts";
import type { Recorder } from "./recorder.ts";
import { renderAnswer } from "./remembered.ts";

export interface Generation {
  lease: Lease;
  recorder: Recorder;
  clock: Clock;
  telemetry: Telemetry;
  /** When the request came, by the clock's monotonic time. */
  arrivedMs: number;
  signal: AbortSignal;
}

/** The answer is durable before `done` is yielded; one that was cut is kept as far as it came. */
export async function* generate(
  request: GenerateRequest,
  generation: Generation,
): AsyncGenerator<TurnItem> {
  const { lease, recorder, signal, telemetry } = generation;
  const model = lease.status.spec.name;
  const answer: Answer = { text: "", calls: [] };
  // Until something else is known: whoever iterates may simply stop.
  let finish: string = "cancelled";
  let isFirst = true;
  let isKept = false;
  try {
    for await (const item of lease.backend.generate(request, signal)) {
      if (item.type === "done") {
        finish = item.reason;
        isKept = true;
        const eventId = await recorder.rememberAnswer(
          renderAnswer(answer.text, answer.calls),
          "complete",
        );
        observeDone(item, model, telemetry);
        yield { ...item, eventId };
        return;
      }
      if (isFirst) observeFirst(model, generation);
      isFirst = false;
      add(answer, item);
      yield item;
    }
    throw new EngineError("model_crashed", "The model's stream ended without saying how.");
  } catch (error) {
    if (!isCancelled(error, signal)) finish = "error";
    throw error;
  } finally {
    telemetry.metrics.add("echorator_generations_total", { model, finish });
    if (!isKept) await keepCut(answer, generation);
  }
}

interface Answer {
  text: string;
  calls: ToolCall[];
}

/** Thoughts are not remembered: they are no part of what was said. */
function add(answer: Answer, item: Exclude<GenerateItem, DoneItem>): void {
  if (item.type === "text") answer.text += item.text;
  if (item.type === "toolCall") answer.calls.push(item.call);
}

async function keepCut(answer: Answer, { recorder, telemetry }: Generation): Promise<void> {
  try {
    await recorder.rememberAnswer(renderAnswer(answer.text, answer.calls), "interrupted");
  } catch (error) {
    // The reason why the answer was cut is on its way to the client; this one must not hide it.
    const code = error instanceof EngineError ? error.code : "internal";
    telemetry.log.warn("a cut answer could not be remembered", { code });
  }
}

function isCancelled(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted || (error instanceof EngineError && error.code === "cancelled");
}

export function observeFirst(
  model: string,
  { clock, telemetry, arrivedMs }: Pick<Generation, "clock" | "telemetry" | "arrivedMs">,
): void {
  const seconds = (clock.monotonic() - arrivedMs) / 1000;
  telemetry.metrics.observe("echorator_time_to_first_token_seconds", { model }, seconds);
}

export function observeDone(
  { usage, timings }: DoneItem,
  model: string,
  { metrics }: Telemetry,
): void {
  metrics.add("echorator_tokens_total", { model, kind: "prompt" }, usage.promptTokens);
  metrics.add("echorator_tokens_total", { model, kind: "cached" }, usage.cachedTokens);
  metrics.add("echorator_tokens_total", { model, kind: "completion" }, usage.completionTokens);
  metrics.observe("echorator_queue_seconds", { model }, timings.queueMs / 1000);
}
