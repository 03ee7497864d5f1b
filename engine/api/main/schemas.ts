/** The main API's requests and replies as schemas: what is parsed, and what /openapi.json shows. */
import { z } from "zod";
import { limits } from "../../contract/limits.ts";
import { FunctionTools, JsonObject, ModelField } from "../fields.ts";

const text = z.string();
const timeText = z.iso.datetime().describe("RFC 3339, UTC.");

const Format = z.discriminatedUnion(
  "type",
  [
    z.strictObject({ type: z.literal("text") }),
    z.strictObject({ type: z.literal("json") }),
    z.strictObject({ type: z.literal("schema"), schema: JsonObject }),
  ],
  { error: "its type is text, json or schema" },
);

const Sampling = z
  .strictObject({
    temperature: z.number().min(0).max(2),
    topK: z.int().min(0).max(1_000_000),
    topP: z.number().min(0).max(1),
    minP: z.number().min(0).max(1),
    seed: z.int().min(0).max(4_294_967_295),
    repeatPenalty: z.number().gt(0).max(2),
    presencePenalty: z.number().min(-2).max(2),
    frequencyPenalty: z.number().min(-2).max(2),
  })
  .partial();

export const TurnRequestBody = z.strictObject({
  model: ModelField.describe("Name, alias or source of a served model."),
  content: text
    .min(1, "say something")
    .max(limits.eventTextBytesMax)
    .describe("What the user says."),
  stream: z.boolean().default(false).describe("Whether the answer comes as server-sent events."),
  tools: FunctionTools.optional(),
  format: Format.optional(),
  sampling: Sampling.optional(),
  stop: z.array(text).optional(),
  maxTokens: z.int().min(1).max(limits.contextTokensMax).optional(),
});

/** An empty object: there is nothing to say at a conversation's beginning yet. */
export const NewConversation = z.strictObject({});

export const Conversation = z.object({
  id: text,
  created: timeText,
  updated: timeText,
  events: z.int().describe("Texts said in it."),
});

export const StoredTurn = z.object({
  id: text,
  role: z.enum(["user", "assistant", "tool"]),
  content: text,
  time: timeText,
  status: z.enum(["complete", "interrupted"]),
  model: text.nullable(),
});

export const ConversationWithTurns = Conversation.extend({
  turns: z.array(StoredTurn).describe(`Its last ${limits.conversationEventsShownMax} texts.`),
});

export const ConversationList = z.object({
  data: z.array(Conversation),
  next: text.nullable().describe("`before` of the next page; null on the last."),
});

export const Deleted = z.object({ id: text, events: z.int().describe("Texts erased.") });

const Memory = z.object({ id: text, score: z.number(), text });

const ToolCall = z.object({ id: text, name: text, arguments: JsonObject });

const Finish = z.enum(["stop", "length", "toolCalls"]);

export const TurnReply = z.object({
  id: text.nullable().describe("Of the remembered answer; null when memory does not write."),
  conversation: text.nullable(),
  model: text,
  role: z.literal("assistant"),
  content: text,
  thought: text.optional(),
  toolCalls: z.array(ToolCall).optional(),
  finish: Finish,
  usage: z.object({
    promptTokens: z.int(),
    cachedTokens: z.int(),
    completionTokens: z.int(),
  }),
  echo: z.object({ memory: z.array(Memory).describe("What went into the prompt from before.") }),
});

export const DeltaEvent = z
  .object({ text, thought: text, toolCall: ToolCall })
  .partial()
  .describe(
    "event: delta, any number; then one event: done with the whole reply, or event: error.",
  );

export const Model = z.object({
  name: text,
  aliases: z.array(text),
  source: text,
  owner: z.enum(["stack", "client"]),
  state: z.enum(["pending", "fetching", "loading", "ready", "unloaded", "failed"]),
  required: z.boolean(),
  context: z.int().nullable().describe("Tokens of one sequence, once loaded."),
  slots: z.int(),
  parameters: z.int().nullable(),
  quantization: text.nullable(),
  bytes: z.int().nullable(),
  progress: z.object({ completedBytes: z.int(), totalBytes: z.int().nullable() }).nullable(),
  error: z.object({ code: text, message: text, remedy: text }).nullable(),
});

export const ModelList = z.object({ data: z.array(Model) });

export const Problem = z.object({
  type: text,
  title: text,
  status: z.int(),
  detail: text,
  code: text,
  field: text.optional(),
  remedy: text,
  requestId: text,
});

export const Health = z.object({
  status: z.enum(["ok", "degraded", "failed"]),
  reasons: z.array(text),
});

export const Started = z.object({
  status: z.literal("ok"),
  version: text,
  instance: text,
  pid: z.int(),
  started: timeText,
});
