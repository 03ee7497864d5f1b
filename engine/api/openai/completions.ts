/** POST /v1/completions: a prompt as it is, without a template. */
import type { GenerateItem } from "../../contract/chat.ts";
import { withUser } from "../access.ts";
import { beginStream } from "../begin.ts";
import { readBody } from "../body.ts";
import type { Call, Engine, InferenceEngine } from "../call.ts";
import { refuse } from "../fields.ts";
import { event, eventStream, json } from "../reply.ts";
import {
  collectTurn,
  type OpenTurn,
  openTurn,
  readConversation,
  readMemoryMode,
  type TurnWish,
} from "../turn.ts";
import type { More } from "./chat.ts";
import {
  lastEvent,
  renderErrorEvent,
  toEcho,
  toFinishReason,
  toUsage,
  waitingComment,
} from "./framing.ts";
import { refuseImpossible, toSampling, toStop } from "./messages.ts";
import { turnHeaders } from "./rate-limits.ts";
import { CompletionRequest } from "./schemas.ts";

export async function complete(engine: Engine, call: Call): Promise<Response> {
  const request = await readBody(call, CompletionRequest);
  const opening = open(engine, call, request);
  const head = toHead(engine, request);
  const moreOf = (turn: OpenTurn) => (item: GenerateItem) =>
    item.type === "done" ? toEcho(turn.start.used) : {};
  if (request.stream)
    return beginStream(engine, call, opening, {
      model: request.model,
      contentType: eventStream,
      waiting: () => waitingComment,
      render: turn => renderChunks(head, turn.items, request, moreOf(turn)),
      headersOf: turnHeaders,
      renderError: renderErrorEvent,
    });
  const turn = await opening;
  const whole = await renderWhole(head, turn.items, moreOf(turn));
  return json(whole, { headers: turnHeaders(turn) });
}

export function toHead({ newId, clock }: InferenceEngine, { model }: { model: string }) {
  return {
    id: newId("cmpl").replace("_", "-"),
    object: "text_completion",
    created: Math.floor(clock.now() / 1000),
    model,
    system_fingerprint: "echorator",
  };
}

export async function renderWhole(
  head: object,
  items: AsyncIterable<GenerateItem>,
  more: More,
): Promise<object> {
  const { text, done } = await collectTurn(items);
  return {
    ...head,
    choices: [toChoice(text, toFinishReason(done.reason))],
    usage: toUsage(done.usage),
    ...more(done),
  };
}

function open(engine: Engine, call: Call, request: CompletionRequest): Promise<OpenTurn> {
  if (request.echo) throw refuse("echo", "this engine does not repeat the prompt");
  return openTurn(engine, call, withUser(call.caller, request.user ?? undefined), {
    dialect: "openai",
    model: request.model,
    history: "given",
    memory: readMemoryMode(engine, call, request.model, "compatible"),
    conversation: readConversation(call),
    generate: toCompletionWish(request),
  });
}

/** @throws EngineError naming the field that cannot be honoured */
export function toCompletionWish(request: Omit<CompletionRequest, "echo">): TurnWish["generate"] {
  refuseImpossible(request);
  if (request.suffix) throw refuse("suffix", "this engine does not fill in the middle");
  if ((request.best_of ?? 1) !== 1) throw refuse("best_of", "this engine makes one choice");
  const prompt = typeof request.prompt === "string" ? request.prompt : (request.prompt[0] ?? "");
  const stop = toStop(request.stop);
  return {
    input: { kind: "prompt", prompt },
    sampling: toSampling(request),
    ...(stop === undefined ? {} : { stop }),
    ...(request.max_tokens ? { maxTokens: request.max_tokens } : {}),
  };
}

function toChoice(text: string, finish: string | null) {
  return { index: 0, text, logprobs: null, finish_reason: finish };
}

export async function* renderChunks(
  head: object,
  items: AsyncIterable<GenerateItem>,
  request: Pick<CompletionRequest, "stream_options">,
  more: More,
): AsyncGenerator<string> {
  const withUsage = request.stream_options?.include_usage === true;
  const none = withUsage ? { usage: null } : {};
  for await (const item of items) {
    const besides = more(item);
    if (item.type === "text")
      yield event({ ...head, choices: [toChoice(item.text, null)], ...none, ...besides });
    else if (item.type !== "done" && Object.keys(besides).length > 0)
      yield event({ ...head, choices: [toChoice("", null)], ...none, ...besides });
    if (item.type !== "done") continue;
    const last = toChoice("", toFinishReason(item.reason));
    yield event({ ...head, choices: [last], ...none, ...besides });
    if (withUsage) yield event({ ...head, choices: [], usage: toUsage(item.usage) });
    yield lastEvent;
  }
}
