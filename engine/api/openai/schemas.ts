/** The requests of OpenAI's API, as far as they mean something here; unknown fields are ignored, `null` is as good as absent. */
import { z } from "zod";
import { limits } from "../../contract/limits.ts";
import { FunctionTools, JsonObject, ModelField } from "../fields.ts";

const text = z.string();

const Stop = z
  .union([text, z.array(text)], { error: "it is a string or a list of strings" })
  .nullish();

const sampling = {
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  seed: z.int().nullish(),
  stop: Stop,
};

/** Fields that would change what the reply is, and that this engine cannot honour; each is refused unless it asks for nothing. */
const impossible = {
  n: z.int().nullish(),
  logprobs: z.union([z.boolean(), z.number()]).nullish(),
  top_logprobs: z.int().nullish(),
  logit_bias: z.record(z.string(), z.number()).nullish(),
};

const common = {
  model: ModelField,
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.int().min(1).nullish(),
  user: text.nullish(),
  ...sampling,
  ...impossible,
};

export const ContentPart = z.looseObject({ type: text, text: text.nullish() });

const Content = z
  .union([text, z.array(ContentPart)], { error: "it is a string or a list of parts" })
  .nullish();

const ToolCallField = z.object({
  id: text.nullish(),
  type: z.literal("function").nullish(),
  function: z.object({ name: text.min(1), arguments: text.nullish() }),
});

export const ChatMessage = z.object({
  role: text,
  content: Content,
  reasoning_content: text.nullish(),
  tool_calls: z.array(ToolCallField).max(limits.toolsMax).nullish(),
  tool_call_id: text.nullish(),
  name: text.nullish(),
});
export type ChatMessage = z.output<typeof ChatMessage>;

const ResponseFormat = z.discriminatedUnion(
  "type",
  [
    z.object({ type: z.literal("text") }),
    z.object({ type: z.literal("json_object") }),
    z.object({
      type: z.literal("json_schema"),
      json_schema: z.object({
        name: text.nullish(),
        schema: JsonObject.nullish(),
        strict: z.boolean().nullish(),
      }),
    }),
  ],
  { error: "its type is text, json_object or json_schema" },
);

const ToolChoice = z.union(
  [
    z.literal(["none", "auto", "required"]),
    z.object({ type: z.literal("function"), function: z.object({ name: text }) }),
  ],
  { error: "it is none, auto, required or one named function" },
);

export const ChatRequest = z.object({
  ...common,
  messages: z
    .array(ChatMessage, { error: "messages are required, as a list" })
    .min(1)
    .max(limits.messagesMax),
  max_completion_tokens: z.int().min(1).nullish(),
  response_format: ResponseFormat.nullish(),
  tools: FunctionTools.nullish(),
  tool_choice: ToolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  modalities: z.array(text).nullish(),
  audio: z.unknown().optional(),
  functions: z.unknown().optional(),
  function_call: z.unknown().optional(),
  web_search_options: z.unknown().optional(),
});
export type ChatRequest = z.output<typeof ChatRequest>;

export const CompletionRequest = z.object({
  ...common,
  prompt: z.union([text, z.array(text).length(1)], {
    error: "it is one string; token lists and several prompts are not taken",
  }),
  echo: z.boolean().nullish(),
  suffix: text.nullish(),
  best_of: z.int().nullish(),
});
export type CompletionRequest = z.output<typeof CompletionRequest>;

export type CommonFields = Pick<CompletionRequest, keyof typeof common>;

export const EmbeddingsRequest = z.object({
  model: ModelField,
  input: z.union([text, z.array(text).min(1).max(limits.embedInputsMax)], {
    error: "it is a string or a list of strings; token lists are not taken",
  }),
  encoding_format: z.enum(["float", "base64"]).nullish(),
  dimensions: z.int().min(1).nullish(),
  user: text.nullish(),
});
