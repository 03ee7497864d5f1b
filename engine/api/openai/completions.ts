/** POST /v1/completions: a prompt as it is, without a template. */
import { withUser } from "../access.ts";
import { readBody } from "../body.ts";
import type { Call, Engine } from "../call.ts";
import { refuse } from "../fields.ts";
import { event, eventStream, json, stream } from "../reply.ts";
import { collectTurn, type OpenTurn, openTurn, readConversation, readMemoryMode } from "../turn.ts";
import { lastEvent, renderErrorEvent, toEcho, toFinishReason, toUsage } from "./framing.ts";
import { refuseImpossible, toSampling, toStop } from "./messages.ts";
import { CompletionRequest } from "./schemas.ts";

export async function complete(engine: Engine, call: Call): Promise<Response> {
  const request = await readBody(call, CompletionRequest);
  const turn = await open(engine, call, request);
  const head = {
    id: engine.newId("cmpl").replace("_", "-"),
    object: "text_completion",
    created: Math.floor(engine.clock.now() / 1000),
    model: request.model,
    system_fingerprint: "echorator",
  };
  if (request.stream)
    return stream(call, renderChunks(head, turn, request), {
      contentType: eventStream,
      headers: turn.headers,
      renderError: renderErrorEvent,
    });
  const { text, done } = await collectTurn(turn.items);
  const reply = {
    ...head,
    choices: [toChoice(text, toFinishReason(done.reason))],
    usage: toUsage(done.usage),
    ...toEcho(turn.start.used),
  };
  return json(reply, { headers: turn.headers });
}

function open(engine: Engine, call: Call, request: CompletionRequest): Promise<OpenTurn> {
  refuseImpossible(request);
  if (request.echo) throw refuse("echo", "this engine does not repeat the prompt");
  if (request.suffix) throw refuse("suffix", "this engine does not fill in the middle");
  if ((request.best_of ?? 1) !== 1) throw refuse("best_of", "this engine makes one choice");
  const prompt = typeof request.prompt === "string" ? request.prompt : (request.prompt[0] ?? "");
  const stop = toStop(request.stop);
  return openTurn(engine, call, withUser(call.caller, request.user ?? undefined), {
    dialect: "openai",
    model: request.model,
    history: "given",
    memory: readMemoryMode(call, engine.config().memory.compatible),
    conversation: readConversation(call),
    generate: {
      input: { kind: "prompt", prompt },
      sampling: toSampling(request),
      ...(stop === undefined ? {} : { stop }),
      ...(request.max_tokens ? { maxTokens: request.max_tokens } : {}),
    },
  });
}

function toChoice(text: string, finish: string | null) {
  return { index: 0, text, logprobs: null, finish_reason: finish };
}

async function* renderChunks(
  head: object,
  turn: OpenTurn,
  request: CompletionRequest,
): AsyncGenerator<string> {
  const withUsage = request.stream_options?.include_usage === true;
  const none = withUsage ? { usage: null } : {};
  for await (const item of turn.items) {
    if (item.type === "text")
      yield event({ ...head, choices: [toChoice(item.text, null)], ...none });
    if (item.type !== "done") continue;
    const last = toChoice("", toFinishReason(item.reason));
    yield event({ ...head, choices: [last], ...none, ...toEcho(turn.start.used) });
    if (withUsage) yield event({ ...head, choices: [], usage: toUsage(item.usage) });
    yield lastEvent;
  }
}
