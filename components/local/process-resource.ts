/** `echo:local:Process`: the engine of one home as a supervised process in the background. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { EngineConfig, toFieldProblems } from "../../engine/contract/config.ts";
import { homeLayout } from "../../engine/contract/endpoints.ts";
import { createAdminClient } from "./admin-client.ts";
import { ensureAdminKey } from "./admin-key.ts";
import { writeFileAtomically } from "./atomic-file.ts";
import { describeHolder, findHolders, probePort } from "./ports.ts";
import { isAlive, type ProcessIdentity } from "./process-identity.ts";
import {
  describePortInUse,
  ownerOf,
  type ProcessInputs,
  planDiff,
  planStart,
  removedSettings,
  renderEngineConfig,
  toUrl,
} from "./process-plan.ts";
import { isEqual, type PropertyMap } from "./property-values.ts";
import type { Call, CheckFailure, LocalResource } from "./resource.ts";
import { forgetStackModels } from "./stack-models.ts";
import { launchSupervisor, restartEngine, stopSupervised, waitForEngine } from "./supervised.ts";
import { readRecord, type SupervisorRecord } from "./supervisor-record.ts";

export interface ProcessOptions {
  /** Path of the engine's main file. */
  entry: string;
  /** Handed on to the engine, but for the deployment's own variables. */
  environment: NodeJS.ProcessEnv;
}

const inputNames = ["home", "host", "ports", "config", "engineVersion"] as const;

export function createProcessResource(options: ProcessOptions): LocalResource {
  return {
    inputs: inputNames,
    check: (call, _olds, news) => checkInputs(call, news),
    async diff(call, id, olds, news) {
      const alive = isStateAlive(olds);
      if (!alive) call.warn(describeDeath(id, olds));
      return planDiff(olds, news, alive);
    },
    create: (call, news) => createProcess(call, toInputs(news), options),
    async read(_call, _id, state) {
      return isStateAlive(state) ? state : undefined;
    },
    async update(call, _id, olds, news) {
      await changeSettings(call, olds, news);
      const { instance = null, pid = null, startTime = null, url = null, ollamaUrl = null } = olds;
      return { instance, pid, startTime, url, ollamaUrl };
    },
    async delete(call, id, state) {
      call.status("stopping the engine");
      await stopSupervised(recordOf(id, state));
    },
  };
}

function toInputs(map: PropertyMap): ProcessInputs {
  return map as unknown as ProcessInputs;
}

async function checkInputs(call: Call, news: PropertyMap): Promise<CheckFailure[]> {
  const { home, host, ports, config } = toInputs(news);
  if (typeof home !== "string" || !isAbsolute(home))
    return [{ property: "home", reason: "it must be an absolute path" }];
  const parsed = EngineConfig.safeParse({ host, ports, ...config });
  if (!parsed.success)
    return toFieldProblems(parsed.error).map(({ field, message }) => ({
      property: /^(host|ports)\b/.test(field) ? field : `config.${field}`,
      reason: message,
    }));
  return await checkPorts(call.urn, toInputs(news));
}

/** Ports that a stranger holds, so that a preview says so; the process that this one is about does not count. */
async function checkPorts(urn: string, inputs: ProcessInputs): Promise<CheckFailure[]> {
  const { home, host } = inputs;
  const record = readRecord(home);
  const own = record !== undefined && record.owner === ownerOf(urn) ? record : undefined;
  const place = { home, stack: ownerOf(urn).split("/")[1] ?? "" };
  const failures: CheckFailure[] = [];
  for (const name of ["main", "ollama"] as const) {
    const number = inputs.ports[name];
    const reason = await describePort({ name, number, host }, own, place);
    if (reason !== undefined) failures.push({ property: `ports.${name}`, reason });
  }
  return failures;
}

async function describePort(
  port: { name: "main" | "ollama"; number: number; host: string },
  own: SupervisorRecord | undefined,
  place: { home: string; stack: string },
): Promise<string | undefined> {
  switch (await probePort(port.host, port.number)) {
    case "free":
      return undefined;
    case "no-such-address":
      return `${port.host} is no address of this machine; change echorator:host`;
    case "forbidden":
      return `port ${port.number} is for the system only; write one above 1023 as echorator:ports.${port.name}`;
    case "in-use": {
      const holders = await findHolders(port.number, own?.engine?.pid);
      if (own !== undefined && isHeldBy(own, port.number, holders)) return undefined;
      return describePortInUse(port, describeHolder(holders), place);
    }
  }
}

/** Where the holder cannot be seen, a live engine that was told to listen there is believed to do so. */
function isHeldBy(own: SupervisorRecord, port: number, holders: readonly number[]): boolean {
  const engine = own.engine;
  if (engine === null || !isAlive(engine)) return false;
  if (holders.length > 0) return holders.includes(engine.pid);
  return Object.values(own.ports).includes(port);
}

async function createProcess(
  call: Call,
  inputs: ProcessInputs,
  options: ProcessOptions,
): Promise<{ id: string; outputs: PropertyMap }> {
  const owner = ownerOf(call.urn);
  const record = readRecord(inputs.home);
  const plan = planStart(record, findOut(record, inputs), inputs, owner);
  if (plan.do === "refuse") throw new Error(plan.why);
  if (plan.do === "adopt") {
    call.status("the engine of an earlier, interrupted run is adopted");
    const found = await waitForEngine(plan.record, plan.record.supervisor, call.signal);
    return { id: found.instance, outputs: toOutputs(inputs, found.instance, found.supervisor) };
  }
  if (plan.do === "stop-first") {
    call.status("stopping what an earlier run left behind");
    await stopSupervised(plan.record);
  }
  const [busy] = await checkPorts(call.urn, inputs);
  if (busy !== undefined) throw new Error(busy.reason);
  return await startProcess(call, inputs, owner, options);
}

function findOut(record: SupervisorRecord | undefined, inputs: ProcessInputs) {
  return {
    supervisor: record !== undefined && isAlive(record.supervisor),
    engine: record?.engine ? isAlive(record.engine) : false,
    sameSettings: readText(configPath(inputs.home)) === renderEngineConfig(inputs),
  };
}

async function startProcess(
  call: Call,
  inputs: ProcessInputs,
  owner: string,
  options: ProcessOptions,
): Promise<{ id: string; outputs: PropertyMap }> {
  call.status("starting the engine");
  const { home, host, ports, engineVersion } = inputs;
  mkdirSync(home, { recursive: true, mode: 0o700 });
  ensureAdminKey(home);
  forgetStackModels(home);
  writeFileAtomically(configPath(home), renderEngineConfig(inputs));
  const instance = randomBytes(8).toString("hex");
  const plan = { home, instance, owner, host, ports, engineVersion, entry: options.entry };
  const supervisor = launchSupervisor(plan, options.environment);
  try {
    call.status("waiting for the engine to answer");
    await waitForEngine(plan, supervisor, call.signal);
  } catch (error) {
    const left = { ...plan, supervisor, engine: null, starts: 0, state: "running", message: "" };
    await stopSupervised(left as SupervisorRecord);
    throw error;
  }
  return { id: instance, outputs: toOutputs(inputs, instance, supervisor) };
}

function toOutputs(
  { host, ports }: ProcessInputs,
  instance: string,
  { pid, startTime }: ProcessIdentity,
): PropertyMap {
  const [url, ollamaUrl] = [toUrl(host, ports.main), toUrl(host, ports.ollama)];
  return { instance, pid, startTime, url, ollamaUrl };
}

async function changeSettings(call: Call, olds: PropertyMap, news: PropertyMap): Promise<void> {
  const inputs = toInputs(news);
  const [before, after] = [olds.config as PropertyMap, news.config as PropertyMap];
  writeFileAtomically(configPath(inputs.home), renderEngineConfig(inputs));
  if (isEqual(before, after)) return;
  const record = readRecord(inputs.home);
  if (record === undefined || record.instance !== olds.instance)
    throw new Error("the engine went away while it was being changed; run the command again.");
  call.status("changing the running engine");
  const client = createAdminClient(
    toUrl(inputs.host, inputs.ports.main),
    ensureAdminKey(inputs.home),
  );
  const removed = removedSettings(before, after);
  const { needsRestart } = await client.patchConfig(inputs.config);
  const restarting = [...removed, ...needsRestart];
  if (restarting.length === 0) return;
  call.status(`restarting the engine for ${restarting.join(", ")}`);
  await restartEngine(record, call.signal);
}

function isStateAlive(state: PropertyMap): boolean {
  const identity = identityOf(state);
  if (!isAlive(identity)) return false;
  const record = readRecord(String(state.home));
  return record?.instance !== state.instance || record?.state !== "gave-up";
}

function describeDeath(id: string, state: PropertyMap): string {
  const record = readRecord(String(state.home));
  const why = record?.instance === id && record.message !== "" ? ` ${record.message}` : "";
  return `the engine is not running (its supervisor was process ${state.pid}) and is started again.${why}`;
}

function identityOf(state: PropertyMap): ProcessIdentity {
  return { pid: Number(state.pid), startTime: String(state.startTime) };
}

/** The record of the process that `state` is about, or what the state itself knows where the record is lost. */
function recordOf(id: string, state: PropertyMap): SupervisorRecord {
  const { home, host, ports, engineVersion } = toInputs(state);
  const record = readRecord(home);
  if (record?.instance === id) return record;
  return {
    ...{ home, host, ports, engineVersion, instance: id, owner: "", entry: "" },
    ...{ supervisor: identityOf(state), engine: null, starts: 0, state: "running", message: "" },
  };
}

function configPath(home: string): string {
  return join(home, homeLayout.engineConfig);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
