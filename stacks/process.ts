/** What exists of a stack with `target: process`: one engine on this machine and its models. */
import { join } from "node:path";
import { log, secret } from "@pulumi/pulumi";
import { EnginePool } from "../components/engine-pool.ts";
import { describeNotApplied, Model } from "../components/model.ts";
import { toSettings } from "../engine/contract/config.ts";
import { homeLayout } from "../engine/contract/endpoints.ts";
import type { ProcessStack } from "./parse-config.ts";
import type { StackContext, StackOutputs } from "./stack.ts";
import { renderTryLine } from "./try-line.ts";

export function createProcessStack({ engine }: ProcessStack, context: StackContext): StackOutputs {
  const { home, secretFields, version } = context;
  const { host, ports, models: specs } = engine;
  const settings = toSettings(engine);
  const hasSecretSettings = Object.keys(settings).some(field => secretFields.has(field));
  const pool = new EnginePool("engine", {
    home,
    listen: { host, ports },
    settings: hasSecretSettings ? secret(settings) : settings,
    version,
  });
  for (const sentence of specs.flatMap(describeNotApplied)) void log.warn(sentence);
  const isSecret = secretFields.has("models");
  const served = specs.map(spec => {
    const model = new Model(spec.name, { pool: pool.handle, spec, isSecret });
    return [spec.name, { source: spec.source, state: model.state }] as const;
  });
  const { main, compatible } = engine.memory;
  return {
    endpoints: pool.endpoints,
    models: Object.fromEntries(served),
    memory: { folder: join(home, homeLayout.memory), mode: { main, compatible } },
    try: renderTryLine(pool.endpoints.ollama, specs[0]?.name),
  };
}
