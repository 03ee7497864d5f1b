/** OpenAI's API, as far as this engine speaks it. */
import type { Dialect, Engine, Route } from "../call.ts";
import { completeChat } from "./chat.ts";
import { complete } from "./completions.ts";
import { embed } from "./embeddings.ts";
import { renderError } from "./framing.ts";
import { showModel, showModels } from "./models.ts";

export function createOpenAiDialect(engine: Engine): Dialect {
  const use = (method: Route["method"], path: string, handle: Route["handle"]): Route => ({
    method,
    path,
    access: "use",
    handle,
  });
  return {
    name: "openai",
    renderError,
    owns: path => path === "/v1" || path.startsWith("/v1/"),
    routes: [
      use("GET", "/v1/models", call => showModels(engine, call)),
      // Names of models may have slashes.
      use("GET", "/v1/models/:id{.+}", call => showModel(engine, call)),
      use("POST", "/v1/chat/completions", call => completeChat(engine, call)),
      use("POST", "/v1/completions", call => complete(engine, call)),
      use("POST", "/v1/embeddings", call => embed(engine, call)),
    ],
  };
}
