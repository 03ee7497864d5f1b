/** Ollama's API, as far as this engine speaks it. */
import type { Dialect, Engine, Route } from "../call.ts";
import { json } from "../reply.ts";
import { embed, embedOld } from "./embeddings.ts";
import { renderError } from "./framing.ts";
import { chat, generate } from "./generation.ts";
import { listRunning, listTags, remove, show } from "./models.ts";
import { pull } from "./pull.ts";

/** The version of Ollama whose requests and replies these are; clients refuse to work with versions too old for them. */
const spokenVersion = "0.12.6";

export function createOllamaDialect(engine: Engine): Dialect {
  const use = (method: Route["method"], path: string, handle: Route["handle"]): Route => ({
    method,
    path,
    access: "use",
    handle,
  });
  return {
    name: "ollama",
    renderError,
    owns: path => path === "/" || (path.startsWith("/api/") && !path.startsWith("/api/v1/")),
    routes: [
      // Programs look here, without a key, whether something is running at all.
      {
        method: "GET",
        path: "/",
        access: "open",
        handle: () => new Response("Ollama is running"),
      },
      use("GET", "/api/version", () => json({ version: spokenVersion, echorator: engine.version })),
      use("GET", "/api/tags", call => listTags(engine, call)),
      use("GET", "/api/ps", call => listRunning(engine, call)),
      use("POST", "/api/show", call => show(engine, call)),
      use("POST", "/api/chat", call => chat(engine, call)),
      use("POST", "/api/generate", call => generate(engine, call)),
      use("POST", "/api/embed", call => embed(engine, call)),
      use("POST", "/api/embeddings", call => embedOld(engine, call)),
      use("POST", "/api/pull", call => pull(engine, call)),
      use("DELETE", "/api/delete", call => remove(engine, call)),
    ],
  };
}
