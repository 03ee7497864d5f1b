/** What exists: the program of every stack, over what the stack's file says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { getStack, log, secret } from "@pulumi/pulumi";
import { EnginePool } from "../components/engine-pool.ts";
import { describeNotApplied, Model } from "../components/model.ts";
import { homeLayout } from "../engine/contract/endpoints.ts";
import { readHome, readStackConfig } from "./config.ts";
import { renderTryLine } from "./try-line.ts";

const { version } = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
) as { version: string };

const { target, engine, secretFields } = readStackConfig(getStack());
const home = readHome();
const { host, ports, models: specs, role, gateway, stores, ...settings } = engine;
const hasSecretSettings = Object.keys(settings).some(field => secretFields.has(field));

const pool = new EnginePool("engine", {
  target,
  home,
  listen: { host, ports },
  settings: hasSecretSettings ? secret(settings) : settings,
  version,
});

for (const sentence of specs.flatMap(describeNotApplied)) void log.warn(sentence);

const served = specs.map(spec => {
  const model = new Model(spec.name, {
    pool: pool.handle,
    spec,
    isSecret: secretFields.has("models"),
  });
  return [spec.name, { source: spec.source, state: model.state }] as const;
});

/** Where clients on this machine reach the engine. */
export const endpoints = pool.endpoints;

/** What is served: name → source and state. */
export const models = Object.fromEntries(served);

/** Where conversations are kept, and when they are. */
export const memory = {
  folder: join(home, homeLayout.memory),
  mode: { main: engine.memory.main, compatible: engine.memory.compatible },
};

const tryLine = renderTryLine(pool.endpoints.ollama, specs[0]?.name);

/** A line for the shell, to see that it works. */
export { tryLine as try };
