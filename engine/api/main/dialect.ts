/** The main API: conversations with a memory, models, and the description of it all. */
import { paths } from "../../contract/endpoints.ts";
import type { Dialect, Engine, Route } from "../call.ts";
import {
  beginConversation,
  deleteConversation,
  listConversations,
  showConversation,
} from "./conversations.ts";
import { showModels } from "./models.ts";
import { renderProblem } from "./problem.ts";
import {
  Conversation,
  ConversationList,
  ConversationWithTurns,
  Deleted,
  DeltaEvent,
  ModelList,
  NewConversation,
  TurnReply,
  TurnRequestBody,
} from "./schemas.ts";
import { takeTurn } from "./turns.ts";

export function createMainDialect(engine: Engine): Dialect {
  return {
    name: "main",
    renderError: renderProblem,
    // Whatever no other dialect owns.
    owns: () => true,
    routes: [...conversationRoutes(engine), ...turnRoutes(engine)],
  };
}

function conversationRoutes(engine: Engine): Route[] {
  const one = `${paths.conversations}/:id`;
  return [
    {
      method: "POST",
      path: paths.conversations,
      access: "use",
      handle: call => beginConversation(engine, call),
      describe: {
        summary: "Begin a conversation.",
        body: NewConversation,
        replies: { 201: { description: "It has begun.", schema: Conversation } },
      },
    },
    {
      method: "GET",
      path: paths.conversations,
      access: "use",
      handle: call => listConversations(engine, call),
      describe: {
        summary: "List conversations, the newest first.",
        query: { limit: "How many at most.", before: "Only those begun before this one." },
        replies: { 200: { description: "One page.", schema: ConversationList } },
      },
    },
    {
      method: "GET",
      path: one,
      access: "use",
      handle: call => showConversation(engine, call),
      describe: {
        summary: "One conversation with its turns.",
        replies: { 200: { description: "The conversation.", schema: ConversationWithTurns } },
      },
    },
    {
      method: "DELETE",
      path: one,
      access: "use",
      handle: call => deleteConversation(engine, call),
      describe: {
        summary: "Erase a conversation with its turns, physically.",
        replies: { 200: { description: "It is gone.", schema: Deleted } },
      },
    },
  ];
}

function turnRoutes(engine: Engine): Route[] {
  return [
    {
      method: "POST",
      path: `${paths.conversations}/:id/turns`,
      access: "use",
      handle: call => takeTurn(engine, call),
      describe: {
        summary: "Say something in a conversation and get the answer.",
        body: TurnRequestBody,
        replies: {
          200: {
            description: "The answer; with `stream` as server-sent events.",
            schema: TurnReply,
            stream: DeltaEvent,
            streamType: "sse",
          },
        },
      },
    },
    {
      method: "GET",
      path: paths.models,
      access: "use",
      handle: call => showModels(engine, call),
      describe: {
        summary: "The served models and their states.",
        replies: { 200: { description: "The models.", schema: ModelList } },
      },
    },
  ];
}
