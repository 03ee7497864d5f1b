/** Starting, awaiting, restarting and ending the supervised engine of a home: the effects behind the process resource. */
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { homeLayout } from "../../engine/contract/endpoints.ts";
import { limits } from "../../engine/contract/limits.ts";
import { askInstance } from "./admin-client.ts";
import { describeHolder, findHolders, waitUntilFree } from "./ports.ts";
import {
  identify,
  isAlive,
  type ProcessIdentity,
  signalProcess,
  waitForEnd,
} from "./process-identity.ts";
import { toUrl } from "./process-plan.ts";
import { supervisorLimits } from "./supervisor-plan.ts";
import {
  readRecord,
  removeRecord,
  type SupervisorPlan,
  type SupervisorRecord,
} from "./supervisor-record.ts";

const supervisorMain = fileURLToPath(new URL("./supervisor-main.ts", import.meta.url));
const healthMsMax = 60_000;
const pollMs = 50;

/** Starts a supervisor that outlives this process; says nothing yet about its engine. */
export function launchSupervisor(
  plan: SupervisorPlan,
  environment: NodeJS.ProcessEnv,
): ProcessIdentity {
  const logs = join(plan.home, homeLayout.logs);
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  // Holds what the supervisor says when it cannot run at all; its engine's log is another file.
  const output = openSync(join(logs, "supervisor.log"), "w", 0o600);
  const child = spawn(process.execPath, [supervisorMain, JSON.stringify(plan)], {
    cwd: plan.home,
    detached: true,
    env: withoutDeployment(environment),
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  child.once("error", () => undefined);
  child.unref();
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (identity === undefined) throw new Error("the engine's supervisor could not be started");
  return identity;
}

/** The variables of a deployment are none of the engine's business, its passphrase least of all. */
function withoutDeployment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith("PULUMI_")),
  );
}

/**
 * Waits until the engine of `instance` itself answers; with `engineBefore`, until one that was started later does.
 * @throws Error that says why it will not, when its supervisor has ended or given up
 */
export async function waitForEngine(
  wanted: { home: string; instance: string; host: string; ports: { main: number } },
  supervisor: ProcessIdentity,
  signal: AbortSignal,
  engineBefore?: ProcessIdentity | null,
): Promise<SupervisorRecord> {
  const url = toUrl(wanted.host, wanted.ports.main);
  const deadline = performance.now() + healthMsMax;
  for (;;) {
    signal.throwIfAborted();
    const record = readRecord(wanted.home);
    const own = record?.instance === wanted.instance ? record : undefined;
    if (own?.state === "gave-up") throw new Error(`${own.message} ${logHint(wanted.home)}`);
    if (!isAlive(supervisor))
      throw new Error(`the engine's supervisor ended at once; ${logHint(wanted.home)}`);
    if (own?.engine && own.engine.startTime !== engineBefore?.startTime) {
      if ((await askInstance(url)) === wanted.instance) return own;
    }
    if (performance.now() > deadline) throw await tooLate(wanted, url);
    await new Promise(resolve => setTimeout(resolve, pollMs));
  }
}

async function tooLate(
  wanted: { home: string; ports: { main: number } },
  url: string,
): Promise<Error> {
  const holder = describeHolder(await findHolders(wanted.ports.main)) ?? "nothing";
  return new Error(
    `the engine did not answer at ${url} within ${healthMsMax / 1000} s (there listens: ${holder}); ${logHint(wanted.home)}`,
  );
}

function logHint(home: string): string {
  return `look into ${join(home, homeLayout.logs, "engine.log")}.`;
}

/** Asks the supervisor to start its engine anew, and waits for that one. */
export async function restartEngine(
  record: SupervisorRecord,
  signal: AbortSignal,
): Promise<SupervisorRecord> {
  signalProcess(record.supervisor, "SIGHUP");
  return await waitForEngine(record, record.supervisor, signal, record.engine);
}

/**
 * Ends the supervisor and its engine, and whatever either left behind, and waits until the ports are free.
 * Only processes of the record's own start times are touched. Idempotent.
 */
export async function stopSupervised(record: SupervisorRecord): Promise<void> {
  const patience = limits.graceMs + 2 * supervisorLimits.stopMarginMs;
  if (isAlive(record.supervisor)) {
    signalProcess(record.supervisor, "SIGTERM");
    if (!(await waitForEnd(record.supervisor, patience))) {
      signalProcess(record.supervisor, "SIGKILL");
      await waitForEnd(record.supervisor, 1_000);
    }
  }
  const { engine } = latest(record);
  if (engine !== null && isAlive(engine)) await endOrphan(engine);
  for (const port of Object.values(record.ports))
    if (engine !== null) await waitUntilFree(record.host, port, 2_000);
  if (readRecord(record.home)?.instance === record.instance) removeRecord(record.home);
}

/** The supervisor may have started another engine since `record` was read. */
function latest(record: SupervisorRecord): SupervisorRecord {
  const now = readRecord(record.home);
  return now?.instance === record.instance ? now : record;
}

/** An engine that lost its supervisor ends by itself; one that does not is ended. */
async function endOrphan(engine: ProcessIdentity): Promise<void> {
  if (await waitForEnd(engine, 1_000)) return;
  signalProcess(engine, "SIGTERM");
  if (await waitForEnd(engine, limits.graceMs)) return;
  signalProcess(engine, "SIGKILL", "group");
  await waitForEnd(engine, 1_000);
}
