/** The worker's dialect: OpenAI's generation with the field `echo`, and what only gateways ask. */
import type { GenerateInput, Message } from "../../contract/chat.ts";
import { ForgetRequest, type WorkerCount, workerPaths } from "../../contract/worker.ts";
import { readBody } from "../body.ts";
import type { Call, Dialect, InferenceEngine, Route } from "../call.ts";
import { errorHeaders } from "../errors.ts";
import { findModel } from "../models.ts";
import * as chat from "../openai/chat.ts";
import * as completions from "../openai/completions.ts";
import { embed } from "../openai/embeddings.ts";
import { toErrorObject } from "../openai/framing.ts";
import { showModel, showModels } from "../openai/models.ts";
import { event, eventStream, json, stream } from "../reply.ts";
import { startDeadline, type TurnWish } from "../turn.ts";
import { openReply, withBeat } from "./generation.ts";
import { CountRequest, WorkerChat, WorkerCompletion } from "./schemas.ts";
import { showState } from "./state.ts";

export function createWorkerDialect(engine: InferenceEngine): Dialect {
  const use = (method: Route["method"], path: string, handle: Route["handle"]): Route => ({
    ...{ method, path, access: "use", handle },
  });
  return {
    name: "worker",
    renderError: error =>
      json(toRefusal(error), { status: error.status, headers: errorHeaders(error) }),
    owns: () => true,
    routes: [
      use("GET", "/v1/models", call => showModels(engine, call)),
      use("GET", "/v1/models/:id{.+}", call => showModel(engine, call)),
      use("POST", "/v1/chat/completions", call => completeChat(engine, call)),
      use("POST", "/v1/completions", call => complete(engine, call)),
      use("POST", "/v1/embeddings", call => embed(engine, call)),
      use("GET", workerPaths.models, call => showState(engine, call)),
      use("POST", workerPaths.count, call => count(engine, call)),
      use("POST", workerPaths.forget, call => forget(engine, call)),
    ],
  };
}

/** OpenAI's form for its clients, and the error itself for gateways. */
function toRefusal(error: Parameters<Dialect["renderError"]>[0]) {
  return { ...toErrorObject(error), echo: { error: error.toJSON() } };
}

async function completeChat(engine: InferenceEngine, call: Call): Promise<Response> {
  const request = await readBody(call, WorkerChat);
  const head = chat.toHead(engine, request);
  const echo = request.echo ?? undefined;
  const generate = toChatWish(request);
  const { items, more } = await openReply(engine, call, { model: request.model, generate, echo });
  if (!request.stream) return json(await chat.renderWhole(head, items, request, more));
  return streamReply(engine, call, chat.renderChunks(head, items, request, more));
}

async function complete(engine: InferenceEngine, call: Call): Promise<Response> {
  const request = await readBody(call, WorkerCompletion);
  const head = completions.toHead(engine, request);
  const echo = request.echo ?? undefined;
  const generate = completions.toCompletionWish(request);
  const { items, more } = await openReply(engine, call, { model: request.model, generate, echo });
  if (!request.stream) return json(await completions.renderWhole(head, items, more));
  return streamReply(engine, call, completions.renderChunks(head, items, request, more));
}

function streamReply(engine: InferenceEngine, call: Call, texts: AsyncGenerator<string>): Response {
  return stream(call, withBeat(texts, engine.clock), {
    contentType: eventStream,
    renderError: error => event(toRefusal(error)),
  });
}

/** A tool's name may stand in its result, where no call with its id does. */
function toChatWish(request: WorkerChat): TurnWish["generate"] {
  const wish = chat.toChatWish(request);
  if (wish.input.kind === "prompt") return wish;
  const messages = wish.input.messages.map((message, index): Message => {
    const name = request.messages[index]?.name;
    if (message.role !== "tool" || message.toolName !== undefined || !name) return message;
    return { ...message, toolName: name };
  });
  return { ...wish, input: { ...wish.input, messages } };
}

async function count(engine: InferenceEngine, call: Call): Promise<Response> {
  const request = await readBody(call, CountRequest);
  findModel(engine, call.caller, request.model);
  const input: GenerateInput = (
    "messages" in request ? toChatWish(request) : completions.toCompletionWish(request)
  ).input;
  const deadline = startDeadline(engine, call.signal);
  try {
    using lease = await engine.models.acquire(request.model, deadline.signal);
    return json({ tokens: await lease.backend.countTokens(input) } satisfies WorkerCount);
  } finally {
    deadline.end();
  }
}

async function forget(engine: InferenceEngine, call: Call): Promise<Response> {
  const { cacheScope } = await readBody(call, ForgetRequest);
  engine.models.forget(cacheScope);
  return json({ forgotten: true });
}
