/** The local provider over the real engine: made, changed in place, refused, killed and removed. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { askInstance, createAdminClient } from "../../components/local/admin-client.ts";
import { readAdminKey } from "../../components/local/admin-key.ts";
import { isAlive, waitForEnd } from "../../components/local/process-identity.ts";
import { createProcessResource } from "../../components/local/process-resource.ts";
import type { PropertyMap } from "../../components/local/property-values.ts";
import { createLocalProvider } from "../../components/local/provider.ts";
import { createServedModelResource } from "../../components/local/served-model-resource.ts";
import { readRecord } from "../../components/local/supervisor-record.ts";
import { EngineConfig } from "../../engine/contract/config.ts";
import { paths } from "../../engine/contract/endpoints.ts";
import { ModelSpec } from "../../engine/contract/model.ts";
import { freePorts } from "../support/ports.ts";

const processUrn = "urn:pulumi:local::echorator::echo:local:Process::p";
const modelUrn = "urn:pulumi:local::echorator::echo:local:ServedModel::m";
const home = mkdtempSync(join(tmpdir(), "echorator-engine-"));
const silent = { status: () => undefined, warn: () => undefined };
const provider = createLocalProvider(
  {
    "echo:local:Process": createProcessResource({
      entry: fileURLToPath(new URL("../../engine/main.ts", import.meta.url)),
      environment: process.env,
    }),
    "echo:local:ServedModel": createServedModelResource(),
  },
  silent,
  "0.1.0",
) as Required<ReturnType<typeof createLocalProvider>>;

let id: string;
let state: PropertyMap;

beforeAll(async () => {
  const [main = 0, ollama = 0] = await freePorts(2);
  const made = await provider.create(processUrn, toInputs({ ports: { main, ollama } }));
  id = made.id;
  state = made.outs;
});

afterAll(async () => {
  await provider.delete(id, processUrn, state);
  const record = readRecord(home);
  rmSync(home, { recursive: true, force: true });
  expect(record).toBeUndefined();
});

function toInputs(settings: object): PropertyMap {
  const { host, ports, models: _models, ...config } = EngineConfig.parse(settings);
  return JSON.parse(JSON.stringify({ home, host, ports, config, engineVersion: "1" }));
}

function toModel(source: string): PropertyMap {
  const spec = ModelSpec.parse({ name: "a", source });
  return JSON.parse(JSON.stringify({ home, endpoint: state.url, instance: id, spec }));
}

const readConfig = async () => {
  const headers = { authorization: `Bearer ${readAdminKey(home)}` };
  const reply = await fetch(`${state.url}${paths.adminConfig}`, { headers });
  return (await reply.json()) as EngineConfig;
};

test("the engine answers with its instance, and is found unchanged", async () => {
  expect(await askInstance(String(state.url))).toBe(id);
  const inputs = toInputs({ ports: state.ports });
  expect(await provider.check(processUrn, inputs, inputs)).toEqual({ inputs, failures: [] });
  expect(await provider.diff(id, processUrn, state, inputs)).toMatchObject({ changes: false });
});

test("what may change while it runs changes without a restart, the rest with one", async () => {
  const before = readRecord(home)!;
  const live = toInputs({ ports: state.ports, memory: { recallTokens: 7 } });
  state = (await provider.update(id, processUrn, state, live)).outs;
  expect((await readConfig()).memory.recallTokens).toBe(7);
  expect(readRecord(home)!.engine).toEqual(before.engine);

  const restarting = toInputs({ ports: state.ports, inference: { threads: 1 } });
  state = (await provider.update(id, processUrn, state, restarting)).outs;
  expect((await readConfig()).inference.threads).toBe(1);
  expect((await readConfig()).memory.recallTokens).toBe(320);
  expect(readRecord(home)!.engine).not.toEqual(before.engine);
  expect(readRecord(home)!.supervisor).toEqual(before.supervisor);
});

test("a model that cannot be had fails with the engine's sentence, and can be removed", async () => {
  const model = toModel("file:///nowhere/model.gguf");
  const failure = await provider.create(modelUrn, model).catch((error: unknown) => error);
  expect(String(failure)).toMatch(/\/nowhere\/model\.gguf/);
  await provider.delete("a", modelUrn, model);
  const client = createAdminClient(String(state.url), readAdminKey(home)!);
  expect(await client.getModel("a")).toBeUndefined();
});

test("a killed engine is back within five seconds", async () => {
  const { engine, starts } = readRecord(home)!;
  process.kill(engine!.pid, "SIGKILL");
  await expect.poll(() => readRecord(home)?.starts, { timeout: 5_000 }).toBeGreaterThan(starts);
  await expect.poll(() => askInstance(String(state.url)), { timeout: 5_000 }).toBe(id);
});

test("an engine that lost its supervisor ends, and the next run brings both back", async () => {
  const { supervisor, engine, ports } = readRecord(home)!;
  process.kill(supervisor.pid, "SIGKILL");
  expect(await waitForEnd(engine!, 5_000)).toBe(true);
  const inputs = toInputs({ ports });
  const diff = await provider.diff(id, processUrn, state, inputs);
  expect(diff.replaces).toContain("pid");
  await provider.delete(id, processUrn, state);
  const made = await provider.create(processUrn, inputs);
  [id, state] = [made.id, made.outs];
  expect(await askInstance(String(state.url))).toBe(id);
  expect(isAlive(readRecord(home)!.supervisor)).toBe(true);
});

test("the log is in the home", () => {
  expect(readFileSync(join(home, "logs", "engine.log"), "utf8")).toContain("the engine answers");
});
