/** The requests of Ollama's API, as far as they mean something here; unknown fields are ignored, as Ollama does. */
import { z } from "zod";
import { limits } from "../../contract/limits.ts";
import { FunctionTools, JsonObject, ModelField } from "../fields.ts";

const text = z.string();

const Format = z
  .union([z.literal(["", "json"]), JsonObject], {
    error: 'it is "json" or a JSON schema',
  })
  .nullish();

const KeepAlive = z.union([z.number(), z.string()], {
  error: 'it is a number of seconds or a duration such as "5m"',
});

/** Common to chat and generate. */
const generation = {
  model: ModelField,
  stream: z.boolean().nullish(),
  format: Format,
  keep_alive: KeepAlive.nullish(),
  options: JsonObject.nullish(),
  think: z
    .union([z.boolean(), z.literal(["low", "medium", "high", "max"])], {
      error: "it is true, false, low, medium, high or max",
    })
    .nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().nullish(),
};

const ToolCallField = z.object({
  id: text.nullish(),
  function: z.object({ name: text.min(1), arguments: JsonObject.nullish() }),
});

export const ChatMessage = z.object({
  role: text.transform(role => role.toLowerCase()),
  content: text.nullish(),
  thinking: text.nullish(),
  images: z.array(z.unknown()).nullish(),
  tool_calls: z.array(ToolCallField).max(limits.toolsMax).nullish(),
  tool_name: text.nullish(),
  tool_call_id: text.nullish(),
});
export type ChatMessage = z.output<typeof ChatMessage>;

export const ChatRequest = z.object({
  ...generation,
  messages: z.array(ChatMessage).max(limits.messagesMax).nullish(),
  tools: FunctionTools.nullish(),
});
export type ChatRequest = z.output<typeof ChatRequest>;

export const GenerateRequest = z.object({
  ...generation,
  prompt: text.nullish(),
  system: text.nullish(),
  raw: z.boolean().nullish(),
  suffix: text.nullish(),
  template: text.nullish(),
  context: z.array(z.unknown()).nullish(),
  images: z.array(z.unknown()).nullish(),
});
export type GenerateRequest = z.output<typeof GenerateRequest>;

/** What chat and generate have in common. */
export type GenerationFields = Pick<ChatRequest, keyof typeof generation>;

export const EmbedRequest = z.object({
  model: ModelField,
  input: z.union([text, z.array(text).max(limits.embedInputsMax)], { error: "invalid input type" }),
  truncate: z.boolean().nullish(),
  dimensions: z.int().min(1).nullish(),
  keep_alive: KeepAlive.nullish(),
  options: JsonObject.nullish(),
});

export const OldEmbedRequest = z.object({
  model: ModelField,
  prompt: text,
  keep_alive: KeepAlive.nullish(),
  options: JsonObject.nullish(),
});

/** `name` is what older clients call `model`. */
export const NamedRequest = z
  .object({
    model: text.max(4_096).nullish(),
    name: text.max(4_096).nullish(),
    stream: z.boolean().nullish(),
    verbose: z.boolean().nullish(),
  })
  .transform(({ model, name, ...rest }) => ({ ...rest, model: model || name || "" }))
  .refine(request => request.model !== "", { error: "model is required", path: ["model"] });
