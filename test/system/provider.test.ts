/** The local provider's life cycles: made, adopted, changed, killed, mended and removed, with real processes. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { askInstance } from "../../components/local/admin-client.ts";
import { probePort } from "../../components/local/ports.ts";
import { isAlive, waitForEnd } from "../../components/local/process-identity.ts";
import { createProcessResource } from "../../components/local/process-resource.ts";
import type { PropertyMap } from "../../components/local/property-values.ts";
import { createLocalProvider } from "../../components/local/provider.ts";
import { createServedModelResource } from "../../components/local/served-model-resource.ts";
import { readRecord, recordPath } from "../../components/local/supervisor-record.ts";
import { EngineConfig } from "../../engine/contract/config.ts";
import { freePorts } from "../support/ports.ts";

const entry = fileURLToPath(new URL("../support/stand-in-engine.ts", import.meta.url));
const processUrn = "urn:pulumi:local::echorator::echo:components:EnginePool$echo:local:Process::p";
const modelUrn = "urn:pulumi:local::echorator::echo:components:Model$echo:local:ServedModel::m";

let home: string;
let inputs: PropertyMap;
let said: string[];
let provider: Required<ReturnType<typeof createLocalProvider>>;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "echorator-provider-"));
  inputs = await toInputs({});
  said = [];
  provider = newProvider();
});

afterEach(async () => {
  const record = readRecord(home);
  if (record !== undefined) {
    for (const identity of [record.supervisor, record.engine])
      if (identity && isAlive(identity)) process.kill(identity.pid, "SIGKILL");
    for (const identity of [record.supervisor, record.engine])
      if (identity) await waitForEnd(identity, 5_000);
  }
  rmSync(home, { recursive: true, force: true });
});

function newProvider() {
  const note = (_urn: string, message: string) => said.push(message);
  return createLocalProvider(
    {
      "echo:local:Process": createProcessResource({
        entry,
        environment: { ...process.env, PULUMI_CONFIG_PASSPHRASE: "secret" },
      }),
      "echo:local:ServedModel": createServedModelResource(),
    },
    { status: note, warn: note },
    "0.1.0",
  ) as Required<ReturnType<typeof createLocalProvider>>;
}

async function toInputs(settings: object): Promise<PropertyMap> {
  const [main = 0, ollama = 0] = await freePorts(2);
  const ports = { main, ollama };
  const { host, models, ports: _ports, ...config } = EngineConfig.parse(settings);
  expect(models).toEqual([]);
  return JSON.parse(JSON.stringify({ home, host, ports, config, engineVersion: "1" }));
}

function withSettings(settings: object): PropertyMap {
  const { host: _host, ports: _ports, models: _models, ...config } = EngineConfig.parse(settings);
  return { ...inputs, config: JSON.parse(JSON.stringify(config)) };
}

async function create() {
  const { id, outs } = await provider.create(processUrn, inputs);
  return { id, state: outs as PropertyMap };
}

const portsOf = (map: PropertyMap) => map.ports as { main: number; ollama: number };

test("a process is made, found unchanged, and removed with its ports", async () => {
  expect(await provider.check(processUrn, {}, inputs)).toEqual({ inputs, failures: [] });
  const { id, state } = await create();
  expect(await askInstance(String(state.url))).toBe(id);
  expect(state).toMatchObject({ ...inputs, instance: id });
  expect(await provider.check(processUrn, inputs, inputs)).toEqual({ inputs, failures: [] });
  expect(await provider.diff(id, processUrn, state, inputs)).toMatchObject({ changes: false });
  expect(await provider.read(id, processUrn, state)).toEqual({ id, props: state, inputs });

  const record = readRecord(home)!;
  await provider.delete(id, processUrn, state);
  expect([isAlive(record.supervisor), isAlive(record.engine!)]).toEqual([false, false]);
  expect(await probePort("127.0.0.1", portsOf(inputs).main)).toBe("free");
  expect(existsSync(recordPath(home))).toBe(false);
  await provider.delete(id, processUrn, state);
  expect(await provider.read(id, processUrn, state)).toEqual({ id: "", props: {} });
});

test("the admin key is for its owner only, and the deployment's variables stay behind", async () => {
  await create();
  const key = join(home, "admin.key");
  expect(statSync(key).mode & 0o777).toBe(0o600);
  expect(readFileSync(key, "utf8")).toMatch(/^[\w-]{43}$/);
  const { supervisor, engine } = readRecord(home)!;
  if (process.platform !== "linux") return;
  for (const { pid } of [supervisor, engine!])
    expect(readFileSync(`/proc/${pid}/environ`, "utf8")).not.toContain("PULUMI_");
});

test("a killed engine comes back by itself, and the process counts as unchanged", async () => {
  const { id, state } = await create();
  const before = readRecord(home)!;
  process.kill(before.engine!.pid, "SIGKILL");
  await until(() => (readRecord(home)?.starts ?? 0) > before.starts);
  await until(async () => (await askInstance(String(state.url))) === id);
  expect(await provider.diff(id, processUrn, state, inputs)).toMatchObject({ changes: false });
});

test("a killed supervisor takes its engine along; the next run replaces both", async () => {
  const { id, state } = await create();
  const { supervisor, engine } = readRecord(home)!;
  process.kill(supervisor.pid, "SIGKILL");
  expect(await waitForEnd(engine!, 5_000)).toBe(true);
  expect(await provider.diff(id, processUrn, state, inputs)).toMatchObject({
    changes: true,
    replaces: ["pid"],
    deleteBeforeReplace: true,
  });
  expect(said.at(-1)).toMatch(/the engine is not running .* is started again/);
  expect(await provider.read(id, processUrn, state)).toEqual({ id: "", props: {} });
  await provider.delete(id, processUrn, state);
  const next = await create();
  expect(next.id).not.toBe(id);
  expect(await askInstance(String(state.url))).toBe(next.id);
});

test("an engine whose home was removed is not started there again", async () => {
  await create();
  const { supervisor, engine } = readRecord(home)!;
  rmSync(home, { recursive: true, maxRetries: 3 });
  process.kill(engine!.pid, "SIGKILL");
  expect(await waitForEnd(supervisor, 5_000)).toBe(true);
  expect(existsSync(home)).toBe(false);
});

test("a create that finds what an interrupted one made adopts it", async () => {
  const first = await create();
  provider = newProvider();
  const second = await create();
  expect(second).toEqual(first);
  expect(readRecord(home)!.starts).toBe(1);
});

test("a create that finds its own process with other settings puts the wanted one in its place", async () => {
  const first = await create();
  const old = readRecord(home)!;
  inputs = withSettings({ log: { level: "debug" } });
  const second = await create();
  expect(second.id).not.toBe(first.id);
  expect([isAlive(old.supervisor), isAlive(old.engine!)]).toEqual([false, false]);
  expect(await askInstance(String(second.state.url))).toBe(second.id);
});

test("another stack's engine in the same home is not touched", async () => {
  const { id, state } = await create();
  const other = processUrn.replace("local", "other");
  await expect(
    provider.create(other, { ...inputs, ports: { main: 1, ollama: 2 } }),
  ).rejects.toThrow(/already holds the running engine of stack echorator\/local .*ECHORATOR_HOME/);
  expect(await askInstance(String(state.url))).toBe(id);
});

test("a port in use is named with its holder and the line to change, before anything is made", async () => {
  const empty = join(home, "inner");
  inputs.home = empty;
  const server = createServer();
  await new Promise<void>(resolve => {
    server.listen(portsOf(inputs).main, "127.0.0.1", resolve);
  });
  const sentence = new RegExp(
    `port ${portsOf(inputs).main} is in use by process ${process.pid} \\(.+\\)\\. .*echorator:ports\\.main in ${empty}/Pulumi\\.local\\.yaml`,
  );
  const { failures } = await provider.check(processUrn, {}, inputs);
  expect(failures).toEqual([{ property: "ports.main", reason: expect.stringMatching(sentence) }]);
  await expect(provider.create(processUrn, inputs)).rejects.toThrow(sentence);
  expect(existsSync(empty)).toBe(false);
  await new Promise(resolve => server.close(resolve));
});

test("settings are changed in the running engine, or by restarting it where that is needed", async () => {
  const { id, state } = await create();
  const first = readRecord(home)!;
  const quiet = withSettings({ memory: { recallTokens: 100 } });
  expect(await provider.diff(id, processUrn, state, quiet)).toMatchObject({
    changes: true,
    replaces: [],
  });
  const { outs } = await provider.update(id, processUrn, state, quiet);
  expect(outs).toEqual({ ...state, ...quiet });
  expect(readRecord(home)!.engine).toEqual(first.engine);
  expect(JSON.parse(readFileSync(join(home, "engine.yaml"), "utf8")).memory.recallTokens).toBe(100);

  const threads = withSettings({ inference: { threads: 1 } });
  await provider.update(id, processUrn, outs, threads);
  const second = readRecord(home)!;
  expect(second.engine).not.toEqual(first.engine);
  expect(second.supervisor).toEqual(first.supervisor);
  expect(await askInstance(String(state.url))).toBe(id);

  await provider.update(id, processUrn, { ...outs, ...threads }, quiet);
  expect(readRecord(home)!.starts).toBe(second.starts + 1);
});

test("where it listens and which program it is replace the process", async () => {
  const { id, state } = await create();
  const [main = 0] = await freePorts(1);
  const moved = { ...inputs, ports: { ...portsOf(inputs), main } };
  expect(await provider.diff(id, processUrn, state, moved)).toMatchObject({ replaces: ["ports"] });
  const newer = { ...inputs, engineVersion: "2" };
  expect(await provider.diff(id, processUrn, state, newer)).toMatchObject({
    replaces: ["engineVersion"],
    deleteBeforeReplace: true,
  });
});

test("an engine that cannot start is given up, with its last words, and leaves nothing behind", async () => {
  inputs = withSettings({ log: { level: "error" } });
  await expect(create()).rejects.toThrow(/refused its configuration.*hopeless.*engine\.log/s);
  expect(existsSync(recordPath(home))).toBe(false);
  expect(await probePort("127.0.0.1", portsOf(inputs).main)).toBe("free");
});

test("an engine that crashes at each start is given up after its budget", async () => {
  inputs = withSettings({ log: { level: "warn" } });
  await expect(create()).rejects.toThrow(
    /ended 5 times within 60 s, last with code 1; its last words: "Error: this engine cannot start"\. .*engine\.log/s,
  );
  expect(readFileSync(join(home, "logs", "engine.log"), "utf8")).toMatch(
    /this engine cannot start[\s\S]*starts again in 5000 ms[\s\S]*not started again/,
  );
});

test("a cancelled create stops what it started and rejects; cancel at the end undoes nothing", async () => {
  const done = await create();
  await provider.cancel();
  expect(await askInstance(String(done.state.url))).toBe(done.id);
  await provider.delete(done.id, processUrn, done.state);

  provider = newProvider();
  const pending = create();
  const rejected = expect(pending).rejects.toThrow(/^cancelled/);
  await until(() => existsSync(recordPath(home)));
  const { supervisor } = readRecord(home)!;
  await provider.cancel();
  await rejected;
  expect(isAlive(supervisor)).toBe(false);
});

test("models are put, found as they are, changed in place, mended and removed", async () => {
  const { id: instance, state } = await create();
  const spec = { name: "a", source: "bundled:echo-tiny", slots: 4 };
  const model = { home, endpoint: state.url!, instance, spec };
  const made = await provider.create(modelUrn, model);
  expect(made).toEqual({ id: "a", outs: { ...model, state: "ready", contextTokens: 1024 } });
  expect(said).toContain("fetching 5.0 of 10.0 MB (50 %)");
  expect(await provider.diff("a", modelUrn, made.outs, model)).toMatchObject({ changes: false });

  const changed = { ...model, spec: { ...spec, slots: 2 } };
  const diff = await provider.diff("a", modelUrn, made.outs, changed);
  expect([diff.changes, diff.replaces]).toEqual([true, undefined]);
  const { outs } = await provider.update("a", modelUrn, made.outs, changed);
  expect(await provider.read("a", modelUrn, made.outs)).toMatchObject({
    props: { spec: { slots: 2 } },
    inputs: { spec: { slots: 2 } },
  });
  await provider.delete("a", modelUrn, outs);
  expect(await provider.diff("a", modelUrn, outs, changed)).toMatchObject({ changes: true });
  expect(await provider.read("a", modelUrn, outs)).toEqual({ id: "", props: {} });
  await provider.delete("a", modelUrn, outs);
});

test("a model whose engine is down is a change, not a failure, and removing it is no error", async () => {
  const { id, state } = await create();
  const spec = { name: "a", source: "bundled:echo-tiny" };
  const model = { home, endpoint: state.url!, instance: id, spec };
  const { outs } = await provider.create(modelUrn, model);
  await provider.delete(id, processUrn, state);
  expect(await provider.diff("a", modelUrn, outs, model)).toMatchObject({ changes: true });
  await provider.delete("a", modelUrn, outs);
});

test("a model is put into an engine that is just being restarted", async () => {
  const { id, state } = await create();
  const spec = { name: "a", source: "bundled:echo-tiny" };
  const model = { home, endpoint: state.url!, instance: id, spec };
  process.kill(readRecord(home)!.engine!.pid, "SIGKILL");
  expect(await provider.create(modelUrn, model)).toMatchObject({ id: "a" });
});

test("a model that fails stays known, with the engine's sentence and remedy", async () => {
  const { id, state } = await create();
  const spec = { name: "a", source: "file:///missing.gguf" };
  const model = { home, endpoint: state.url!, instance: id, spec };
  const failure = await provider.create(modelUrn, model).catch((error: unknown) => error);
  expect(failure).toMatchObject({
    message: 'model "a": There is no such file. Look.',
    id: "a",
    properties: { ...model, state: "failed" },
  });
  expect(await provider.diff("a", modelUrn, model, model)).toMatchObject({ changes: true });
});

test("a cancelled model rejects at once", async () => {
  const { id, state } = await create();
  const spec = { name: "endless", source: "bundled:echo-tiny" };
  const model = { home, endpoint: state.url!, instance: id, spec };
  const rejected = expect(provider.create(modelUrn, model)).rejects.toThrow(/cancelled/);
  await until(() => said.some(line => line.startsWith("fetching")));
  await provider.cancel();
  await rejected;
});

test("secrets keep their tags in the state", async () => {
  const secret = {
    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
    value: inputs.config!,
  };
  inputs = { ...inputs, config: secret };
  const { id, state } = await create();
  expect(state.config).toEqual(secret);
  expect(await provider.diff(id, processUrn, state, inputs)).toMatchObject({ changes: false });
  expect(await provider.read(id, processUrn, state)).toMatchObject({ inputs: { config: secret } });
});

test("clients' models outlive the process, the stack's come anew", async () => {
  const models = [{ owner: "stack" }, { owner: "client" }];
  writeFileSync(join(home, "models.json"), JSON.stringify({ models }));
  await create();
  expect(JSON.parse(readFileSync(join(home, "models.json"), "utf8")).models).toEqual([
    { owner: "client" },
  ]);
});

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error("it did not come about within 15 s");
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
