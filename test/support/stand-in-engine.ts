/** A process with the arguments, health and Admin API of the engine and nothing behind them, to be supervised, killed and restarted in tests. */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { parseArgs } from "node:util";
import { homeLayout, paths } from "../../engine/contract/endpoints.ts";
import type { ModelSpec } from "../../engine/contract/model.ts";
import { supervision } from "../../engine/contract/supervision.ts";

const { values } = parseArgs({
  options: {
    home: { type: "string", default: "" },
    config: { type: "string", default: "" },
    set: { type: "string", multiple: true, default: [] },
    supervised: { type: "boolean" },
    instance: { type: "string" },
  },
});
const settings = JSON.parse(readFileSync(values.config, "utf8"));
const key = readFileSync(`${values.home}/${homeLayout.adminKey}`, "utf8");
const models = new Map<string, { spec: ModelSpec; owner: string; state: string }>();

// Tests ask for a bad end through the configuration.
if (settings.log.level === "error") {
  console.error("the configuration is hopeless");
  process.exit(supervision.exitHopeless);
}
if (settings.log.level === "warn") throw new Error("this engine cannot start");

if (values.supervised) process.stdin.on("end", () => process.exit(0)).resume();
process.on("SIGTERM", () => process.exit(0));
console.log(`started ${process.pid}`);
for (const port of Object.values<number>(settings.ports))
  createServer(answer).listen(port, settings.host);

async function answer(request: IncomingMessage, reply: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? "", "http://engine");
  if (pathname === paths.started)
    return send(reply, 200, { status: "ok", version: "0", instance: values.instance });
  if (request.headers.authorization !== `Bearer ${key}`)
    return send(reply, 401, { code: "unauthorized", detail: "No key.", remedy: "Send one." });
  if (pathname === paths.adminConfig) {
    const patch = JSON.parse(await readText(request));
    const needsRestart = patch.inference.threads === undefined ? [] : ["inference.threads"];
    return send(reply, 200, { applied: [], needsRestart });
  }
  await answerModel(decodeURIComponent(pathname.split("/").at(-1) ?? ""), request, reply);
}

async function answerModel(
  name: string,
  request: IncomingMessage,
  reply: ServerResponse,
): Promise<void> {
  const found = models.get(name);
  if (request.method === "PUT") return putModel(JSON.parse(await readText(request)), reply);
  if (found === undefined)
    return send(reply, 404, {
      code: "model_not_found",
      detail: "No such model.",
      remedy: "Add it.",
    });
  if (request.method === "DELETE") models.delete(name);
  return send(reply, 200, found);
}

function putModel(spec: ModelSpec, reply: ServerResponse): void {
  const model = { spec, owner: "stack", state: "fetching" };
  models.set(spec.name, model);
  const progress = { completedBytes: 5_000_000, totalBytes: 10_000_000 };
  reply.writeHead(200, { "content-type": "application/x-ndjson" });
  reply.write(`${JSON.stringify({ ...model, progress })}\n`);
  // A model of this name is never done.
  if (spec.name === "endless") return;
  if (spec.source.includes("missing")) {
    model.state = "failed";
    const error = { code: "invalid_config", message: "There is no such file.", remedy: "Look." };
    return void reply.end(`${JSON.stringify({ error })}\n`);
  }
  model.state = "ready";
  reply.end(`${JSON.stringify({ ...model, contextTokens: 1024 })}\n`);
}

function send(reply: ServerResponse, status: number, body: unknown): void {
  reply.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}
