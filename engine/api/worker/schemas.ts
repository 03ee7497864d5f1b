/** The requests of a worker: OpenAI's, with the field `echo` of the worker protocol. */
import { z } from "zod";
import { WorkerRequest } from "../../contract/worker.ts";
import { ChatRequest, CompletionRequest } from "../openai/schemas.ts";

const echo = WorkerRequest.nullish();

export const WorkerChat = ChatRequest.extend({ echo });
export type WorkerChat = z.output<typeof WorkerChat>;

export const WorkerCompletion = CompletionRequest.omit({ echo: true }).extend({ echo });
export type WorkerCompletion = z.output<typeof WorkerCompletion>;

/** A chat or a completion of which the tokens are counted; the fields that a count does not depend on are not looked at. */
export const CountRequest = z.union([WorkerChat, WorkerCompletion], {
  error: "it has messages as a chat, or a prompt as a completion",
});
