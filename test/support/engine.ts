/** A whole engine in the test's process: real models' files, residency, conversations and memory over the scripted backend. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import type { GenerateRequest } from "../../engine/contract/chat.ts";
import { EngineConfig, type EngineConfigInput } from "../../engine/contract/config.ts";
import type { ModelSpec } from "../../engine/contract/model.ts";
import {
  createScriptedBackend,
  type ScriptedBackend,
  type ScriptedReply,
} from "../../engine/inference/scripted.ts";
import { systemClock } from "../../engine/kit/clock.ts";
import { createSeededRandom } from "../../engine/kit/random.ts";
import { startAll } from "../../engine/roles/all.ts";
import type { Front } from "../../engine/roles/front.ts";
import type { Counters } from "../../engine/stores/counters.ts";
import { createLog } from "../../engine/telemetry/log.ts";
import { createMetrics } from "../../engine/telemetry/metrics.ts";
import { writeTinyGguf } from "./gguf-writer.ts";

export interface TestEngineOptions {
  config?: Omit<EngineConfigInput, "models">;
  /** Models besides `assistant`. */
  models?: (EngineConfigInput["models"] & object)[number][];
  script?: (request: GenerateRequest, spec: ModelSpec) => ScriptedReply;
  tokenMs?: number;
  slots?: number;
  contextTokens?: number;
  counters?: Counters;
  /** Kept after the test engine has stopped, to start another on it. */
  home?: string;
}

export interface TestEngine {
  app: Front;
  home: string;
  /** A model file that can be pulled. */
  weights: string;
  adminKey: string;
  /** Every request that reached a backend. */
  asked: GenerateRequest[];
  log: Record<string, unknown>[];
  backends: Map<string, ScriptedBackend>;
  /** The port with every dialect, from this machine. */
  ask(path: string, init?: AskInit): Promise<Response>;
  askOllama(path: string, init?: AskInit): Promise<Response>;
  stop(): Promise<void>;
}

export interface AskInit {
  method?: string;
  headers?: Record<string, string>;
  /** An object is sent as JSON, a string as it is. */
  body?: unknown;
  from?: string;
  signal?: AbortSignal;
}

export function makeHome(): string {
  return mkdtempSync(join(tmpdir(), "echorator-engine-"));
}

export async function startTestEngine(options: TestEngineOptions = {}): Promise<TestEngine> {
  const home = options.home ?? makeHome();
  const weights = join(home, "tiny-model.gguf");
  writeTinyGguf(weights, { seed: 1 });
  const asked: GenerateRequest[] = [];
  const log: Record<string, unknown>[] = [];
  const backends = new Map<string, ScriptedBackend>();
  const config = EngineConfig.parse({
    ...options.config,
    models: [{ name: "assistant", source: `file://${weights}` }, ...(options.models ?? [])],
  });
  const adminKey = "the-admin-key-of-the-test";
  const app = await startAll({
    config,
    home,
    bundledFolder: home,
    hub: { endpoint: "http://127.0.0.1:9", token: undefined },
    adminKey,
    version: "0.0.0-test",
    instance: "test-instance",
    clock: systemClock,
    random: createSeededRandom(7),
    log: createLog({
      level: config.log.level,
      format: "json",
      clock: systemClock,
      write: line => log.push(JSON.parse(line)),
    }),
    metrics: createMetrics(),
    ...(options.counters === undefined ? {} : { counters: options.counters }),
    async openBackend(_file, spec) {
      const { script } = options;
      const backend = createScriptedBackend({
        slots: options.slots ?? spec.slots,
        contextTokens: options.contextTokens ?? 2048,
        tokenMs: options.tokenMs ?? 0,
        queueLength: () => app.engine.config().inference.queueLength,
        ...(script === undefined ? {} : { script: request => script(request, spec) }),
      });
      backends.set(spec.name, backend);
      return {
        ...backend,
        generate(request, signal) {
          asked.push(request);
          return backend.generate(request, signal);
        },
      };
    },
  });
  await untilReady(app);
  return {
    app,
    home,
    weights,
    adminKey,
    asked,
    log,
    backends,
    ask: (path, init) => app.main(toRequest(path, init), { address: init?.from ?? "127.0.0.1" }),
    askOllama: (path, init) =>
      app.ollama(toRequest(path, init), { address: init?.from ?? "127.0.0.1" }),
    async stop() {
      await app.stop(0);
      if (options.home === undefined) rmSync(home, { recursive: true, force: true });
    },
  };
}

async function untilReady(app: Front): Promise<void> {
  for (let tries = 0; tries < 1_000; tries++) {
    if (app.engine.models.readiness().ready) return;
    await systemClock.sleep(5);
  }
  throw new Error(`not ready: ${app.engine.models.readiness().reasons.join("; ")}`);
}

function toRequest(path: string, init: AskInit = {}): Request {
  const { body } = init;
  const hasBody = body !== undefined;
  return new Request(`http://localhost${path}`, {
    method: init.method ?? (hasBody ? "POST" : "GET"),
    ...(init.headers === undefined ? {} : { headers: init.headers }),
    ...(hasBody ? { body: typeof body === "string" ? body : JSON.stringify(body) } : {}),
    ...(init.signal === undefined ? {} : { signal: init.signal }),
  });
}

export interface ListeningEngine extends TestEngine {
  mainUrl: string;
  ollamaUrl: string;
}

/** The same behind two real ports, for clients that speak HTTP themselves. */
export async function listenTestEngine(options: TestEngineOptions = {}): Promise<ListeningEngine> {
  const engine = await startTestEngine(options);
  const main = await serve(engine.app.main);
  const ollama = await serve(engine.app.ollama);
  return {
    ...engine,
    mainUrl: main.url,
    ollamaUrl: ollama.url,
    async stop() {
      for (const { server } of [main, ollama]) {
        server.closeAllConnections();
        server.close();
      }
      await engine.stop();
    },
  };
}

async function serve(fetch: Front["main"]): Promise<{ url: string; server: Server }> {
  const listener = getRequestListener(
    (request, env) => {
      const address = "incoming" in env ? (env.incoming.socket.remoteAddress ?? "") : "";
      return fetch(request, { address });
    },
    { overrideGlobalObjects: false },
  );
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing));
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, server };
}

/** A reply's JSON, of which the test says what it looks into. */
export async function readJson<T>(response: Response): Promise<T> {
  return (await response.json()) as T;
}

/** Lines of a reply in NDJSON. */
export async function readLines(response: Response): Promise<Record<string, unknown>[]> {
  const text = await response.text();
  return text
    .split("\n")
    .filter(line => line !== "")
    .map(line => JSON.parse(line) as Record<string, unknown>);
}

/** Server-sent events with their names. */
export async function readEvents(response: Response): Promise<{ name: string; data: string }[]> {
  const text = await response.text();
  return text
    .split("\n\n")
    .filter(block => block !== "")
    .map(block => ({
      name: /^event: (.*)$/m.exec(block)?.[1] ?? "",
      data: /^data: (.*)$/m.exec(block)?.[1] ?? "",
    }));
}
