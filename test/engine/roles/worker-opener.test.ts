/** Servers of others behind a gateway: slow ones are waited for, and what changes about them holds at once. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ModelSpec } from "../../../engine/contract/model.ts";
import {
  createRoutedModels,
  type RoutedModels,
} from "../../../engine/inference/routing/routed-models.ts";
import {
  createStaticCatalog,
  type StaticCatalog,
} from "../../../engine/inference/routing/static-catalog.ts";
import { systemClock } from "../../../engine/kit/clock.ts";
import { createSeededRandom } from "../../../engine/kit/random.ts";
import { createWorkerOpener } from "../../../engine/roles/worker-opener.ts";
import { ask, say } from "../../support/routing.ts";
import { quietTelemetry } from "../../support/worker.ts";

let folder = "";
let server: Server;
let asked: { path: string; key: string | undefined; model: string | undefined }[];
/** How long the server thinks before it says anything. */
let thinkMs = 0;
let models: RoutedModels | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "echorator-endpoints-"));
  asked = [];
  thinkMs = 0;
  server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    const { model } = body === "" ? { model: undefined } : JSON.parse(body);
    asked.push({ path: request.url ?? "", key: request.headers.authorization, model });
    await systemClock.sleep(thinkMs);
    if (request.url === "/v1/models") return void response.end(JSON.stringify({ data: [] }));
    const choice = { index: 0, delta: { content: "here" }, finish_reason: "stop" };
    response.end(`data: ${JSON.stringify({ choices: [choice] })}\n\ndata: [DONE]\n\n`);
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  await models?.close();
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

function specOf(model: string, more: object = {}) {
  const { port } = server.address() as AddressInfo;
  return ModelSpec.parse({
    ...{ name: "assistant", source: `openai:http://127.0.0.1:${port}/v1#${model}` },
    ...more,
  });
}

function open(...specs: ModelSpec[]): { catalog: StaticCatalog; models: RoutedModels } {
  const telemetry = quietTelemetry();
  const catalog = createStaticCatalog({ models: specs, workers: {} });
  const common = { clock: systemClock, random: createSeededRandom(1) };
  models = createRoutedModels({
    ...{ ...common, catalog, telemetry, holdSeconds: 30 },
    openWorker: createWorkerOpener({
      ...{ ...common, ...telemetry, workerKey: undefined, endpointsFolder: folder },
    }),
  });
  return { catalog, models };
}

test("one that takes longer than a worker ever may is waited for, and not asked for signs of life", async () => {
  const world = open(specOf("slow"));
  await ask(world.models, "assistant", say("hello"));
  asked.length = 0;
  thinkMs = 2_500;
  await ask(world.models, "assistant", say("hello"));
  expect(asked.map(({ path }) => path)).toEqual(["/v1/chat/completions"]);
});

test("another model of the same server is asked for as soon as it is declared", async () => {
  const world = open(specOf("old"));
  await ask(world.models, "assistant", say("hello"));
  world.catalog.replace({ models: [specOf("new")], workers: {} });
  await ask(world.models, "assistant", say("hello"));
  expect(asked.at(-1)?.model).toBe("new");
});

test("a key that is replaced holds from the next request on", async () => {
  const key = join(folder, "token");
  writeFileSync(key, "first\n");
  const world = open(specOf("m", { sourceSecret: { name: "endpoints" } }));
  await ask(world.models, "assistant", say("hello"));
  writeFileSync(key, "second\n");
  await ask(world.models, "assistant", say("hello"));
  expect(asked.map(one => one.key)).toEqual(["Bearer first", "Bearer first", "Bearer second"]);
});
