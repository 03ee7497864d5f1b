/** What is behind each port: the dialects, in the order in which they are asked whether a path is theirs. */
import type { Authenticate } from "./access.ts";
import { createAdminDialect } from "./admin/dialect.ts";
import type { Engine } from "./call.ts";
import { createEdge, type Edge } from "./edge.ts";
import { createHealthDialect, createLiveDialect } from "./health.ts";
import { createMainDialect } from "./main/dialect.ts";
import { createOllamaDialect } from "./ollama/dialect.ts";
import { createOpenAiDialect } from "./openai/dialect.ts";

export interface Doors {
  /** Every dialect, health, metrics, admin. */
  main: Edge;
  /** Ollama's and OpenAI's dialects, and `/health`. */
  ollama: Edge;
}

export function createDoors(engine: Engine, authenticate: Authenticate): Doors {
  const openai = createOpenAiDialect(engine);
  const ollama = createOllamaDialect(engine);
  const main = createMainDialect(engine);
  const admin = createAdminDialect(engine);
  const described = () => [...health.routes, ...main.routes, ...admin.routes];
  const health = createHealthDialect({ engine, described });
  return {
    main: createEdge({ engine, authenticate, dialects: [health, admin, openai, ollama, main] }),
    ollama: createEdge({
      engine,
      authenticate,
      // Clients of this port expect Ollama's form for whatever is not there.
      dialects: [createLiveDialect(engine), openai, { ...ollama, owns: () => true }],
    }),
  };
}
