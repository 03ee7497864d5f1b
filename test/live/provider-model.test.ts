/** Models of a stack in a real engine with real (random) weights: added, changed in place, restored after a crash, removed. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAdminClient } from "../../components/local/admin-client.ts";
import { readAdminKey } from "../../components/local/admin-key.ts";
import { createProcessResource } from "../../components/local/process-resource.ts";
import type { PropertyMap } from "../../components/local/property-values.ts";
import { createLocalProvider } from "../../components/local/provider.ts";
import { createServedModelResource } from "../../components/local/served-model-resource.ts";
import { readRecord } from "../../components/local/supervisor-record.ts";
import { EngineConfig } from "../../engine/contract/config.ts";
import { ModelSpec, type ModelSpecInput } from "../../engine/contract/model.ts";
import { writeTinyGguf } from "../support/gguf-writer.ts";
import { freePorts } from "../support/ports.ts";

const processUrn = "urn:pulumi:local::echorator::echo:local:Process::p";
const modelUrn = "urn:pulumi:local::echorator::echo:local:ServedModel::m";
const home = mkdtempSync(join(tmpdir(), "echorator-models-"));
const weights = join(home, "tiny.gguf");
const provider = createLocalProvider(
  {
    "echo:local:Process": createProcessResource({
      entry: fileURLToPath(new URL("../../engine/main.ts", import.meta.url)),
      environment: process.env,
    }),
    "echo:local:ServedModel": createServedModelResource(),
  },
  { status: () => undefined, warn: () => undefined },
  "0.1.0",
) as Required<ReturnType<typeof createLocalProvider>>;

let id: string;
let state: PropertyMap;

beforeAll(async () => {
  writeTinyGguf(weights, { seed: 7 });
  const [main = 0, ollama = 0] = await freePorts(2);
  const {
    host,
    ports,
    models: _models,
    ...config
  } = EngineConfig.parse({ ports: { main, ollama } });
  const inputs = JSON.parse(JSON.stringify({ home, host, ports, config, engineVersion: "1" }));
  const made = await provider.create(processUrn, inputs);
  [id, state] = [made.id, made.outs];
});

afterAll(async () => {
  await provider.delete(id, processUrn, state);
  rmSync(home, { recursive: true, force: true });
});

function toModel(spec: Omit<ModelSpecInput, "source">): PropertyMap {
  const whole = ModelSpec.parse({ ...spec, source: String(pathToFileURL(weights)) });
  return JSON.parse(JSON.stringify({ home, endpoint: state.url, instance: id, spec: whole }));
}

test("a model is added and edited while the engine and another model go on", async () => {
  const { engine } = readRecord(home)!;
  const a = await provider.create(modelUrn, toModel({ name: "a", slots: 1, context: 256 }));
  const b = await provider.create(modelUrn, toModel({ name: "b", slots: 1, context: 256 }));
  expect(a.outs).toMatchObject({ state: "ready", contextTokens: 256 });

  const wider = toModel({ name: "b", slots: 2, context: 512 });
  expect(await provider.diff("b", modelUrn, b.outs, wider)).toMatchObject({ changes: true });
  const updated = await provider.update("b", modelUrn, b.outs, wider);
  expect(updated.outs).toMatchObject({ state: "ready", contextTokens: 512 });
  expect(await provider.diff("b", modelUrn, updated.outs, wider)).toMatchObject({ changes: false });

  await provider.delete("b", modelUrn, updated.outs);
  const client = createAdminClient(String(state.url), readAdminKey(home)!);
  expect(await client.getModel("b")).toBeUndefined();
  expect((await client.getModel("a"))?.state).toBe("ready");
  expect(readRecord(home)!.engine).toEqual(engine);
});

test("after a crash of the engine its models are back without a deployment", async () => {
  const client = createAdminClient(String(state.url), readAdminKey(home)!);
  process.kill(readRecord(home)!.engine!.pid, "SIGKILL");
  const stateOfA = () =>
    client.getModel("a").then(
      status => status?.state,
      () => "no answer",
    );
  await expect.poll(stateOfA, { timeout: 15_000 }).toBe("ready");
  const a = toModel({ name: "a", slots: 1, context: 256 });
  expect(await provider.diff("a", modelUrn, a, a)).toMatchObject({ changes: false });
});
