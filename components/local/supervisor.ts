/** The supervisor: one small process that keeps one engine running, writes its log and never outlives or loses it. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { homeLayout } from "../../engine/contract/endpoints.ts";
import { limits } from "../../engine/contract/limits.ts";
import { supervision } from "../../engine/contract/supervision.ts";
import { isDiskError } from "./atomic-file.ts";
import { holdsClaim } from "./claim.ts";
import { identify, type ProcessIdentity } from "./process-identity.ts";
import { createRotatingLog, type RotatingLog } from "./rotating-log.ts";
import {
  describeExit,
  type EngineExit,
  lastWords,
  planAfterExit,
  supervisorLimits,
} from "./supervisor-plan.ts";
import { removeRecord, type SupervisorPlan, writeRecord } from "./supervisor-record.ts";

const drainMsMax = 500;

export interface Supervisor {
  /** Ends the engine, then the supervisor. */
  stop(): void;
  /** Ends the engine and starts it again, at no cost to the crash budget. */
  restart(): void;
  /** The exit code, once all is over: 0 after `stop`, 1 when the engine could not be kept running. */
  done: Promise<number>;
}

interface State {
  plan: SupervisorPlan;
  self: ProcessIdentity;
  environment: NodeJS.ProcessEnv;
  log: RotatingLog;
  wanted: "run" | "restart" | "stop";
  child: ChildProcess | undefined;
  /** Ends a pause between two starts. */
  wake: () => void;
  starts: number;
  crashTimesMs: number[];
  /** The last words of the engine, for whoever asks why it ended. */
  tail: string;
}

export function createSupervisor(
  plan: SupervisorPlan,
  self: ProcessIdentity,
  environment: NodeJS.ProcessEnv,
): Supervisor {
  const state: State = {
    plan,
    self,
    environment,
    log: createRotatingLog(join(plan.home, homeLayout.logs, "engine.log")),
    wanted: "run",
    child: undefined,
    wake: () => undefined,
    starts: 0,
    crashTimesMs: [],
    tail: "",
  };
  const ask = (wanted: "restart" | "stop") => {
    if (state.wanted === "stop") return;
    state.wanted = wanted;
    state.wake();
    if (state.child !== undefined) endEngine(state.child);
  };
  return { stop: () => ask("stop"), restart: () => ask("restart"), done: keepRunning(state) };
}

async function keepRunning(state: State): Promise<number> {
  for (;;) {
    const exit = await runEngine(state);
    if (state.wanted === "stop") return finish(state);
    if (state.wanted === "restart") continue;
    if (!holdsClaim(state.plan.home, state.self)) return abandon(state);
    const now = performance.now();
    state.crashTimesMs = [...state.crashTimesMs, now].slice(-supervisorLimits.crashesMax);
    const next = planAfterExit(exit, state.crashTimesMs, now, supervision.exitHopeless);
    if (next.do === "give-up") return giveUp(state, next.why);
    say(
      state,
      "warn",
      `the engine ended ${describeExit(exit)}; it starts again in ${next.delayMs} ms`,
    );
    note(state, undefined);
    await pause(state, next.delayMs);
    if (stopped(state)) return finish(state);
  }
}

/** A function, because `wanted` changes while others wait. */
function stopped(state: State): boolean {
  return state.wanted === "stop";
}

function runEngine(state: State): Promise<EngineExit> {
  const { plan } = state;
  const child = spawn(process.execPath, engineArguments(plan), {
    cwd: plan.home,
    // A group of its own: what the engine started can be ended with it.
    detached: true,
    env: state.environment,
    stdio: ["pipe", "pipe", "pipe"],
  });
  state.child = child;
  state.wanted = "run";
  state.starts += 1;
  state.tail = "";
  // Held open for as long as this process lives; the engine ends when it closes.
  child.stdin.on("error", () => undefined);
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => keep(state, chunk));
  note(state, child.pid);
  return new Promise(resolve => {
    const ended = (exit: EngineExit) => {
      state.child = undefined;
      resolve(exit);
    };
    child.once("error", error => {
      say(state, "error", `the engine could not be started: ${error.message}`);
      if (child.pid === undefined) ended({ code: null, signal: null });
    });
    child.once("exit", (code, signal) => {
      if (child.pid !== undefined) killGroup(child.pid);
      // Its last words may still be in the pipe; whoever else holds that is not waited for long.
      const timer = setTimeout(() => ended({ code, signal }), drainMsMax);
      child.once("close", () => {
        clearTimeout(timer);
        ended({ code, signal });
      });
    });
  });
}

function engineArguments(plan: SupervisorPlan): string[] {
  const { home, host, ports } = plan;
  return [
    plan.entry,
    ...["--home", home, "--config", join(home, homeLayout.engineConfig)],
    // Said here and not in the file alone: an environment variable must not move the engine elsewhere.
    ...["--set", `host=${host}`],
    ...["--set", `ports.main=${ports.main}`, "--set", `ports.ollama=${ports.ollama}`],
    ...[supervision.supervisedFlag, supervision.instanceFlag, plan.instance],
  ];
}

/** Asks the engine to end and does not take no for an answer. */
function endEngine(child: ChildProcess): void {
  child.kill("SIGTERM");
  const patience = limits.graceMs + supervisorLimits.stopMarginMs;
  const timer = setTimeout(() => child.pid !== undefined && killGroup(child.pid), patience);
  child.once("exit", () => clearTimeout(timer));
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing of the group is left.
  }
}

function pause(state: State, ms: number): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, ms);
    state.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

function finish(state: State): number {
  say(state, "info", "the engine has ended as it was told");
  removeRecord(state.plan.home);
  state.log.close();
  return 0;
}

/** The home was removed or has another supervisor: nothing is started or written there any more. */
function abandon(state: State): number {
  state.log.close();
  return 1;
}

function giveUp(state: State, why: string): number {
  const words = lastWords(state.tail);
  const message = words === "" ? `${why}.` : `${why}; its last words: "${words}".`;
  say(state, "error", `${message} It is not started again; \`npm run up\` does.`);
  note(state, undefined, message);
  state.log.close();
  return 1;
}

function keep(state: State, chunk: Buffer): void {
  state.log.write(chunk);
  state.tail = `${state.tail}${chunk}`.slice(-2048);
}

/** A line of the supervisor's own, in the form of the engine's log. */
function say(state: State, level: "info" | "warn" | "error", message: string): void {
  const line = { time: new Date().toISOString(), level, message, part: "supervisor" };
  state.log.write(Buffer.from(`${JSON.stringify(line)}\n`));
}

/** On a full disk the note is lost, and the engine goes on. */
function note(state: State, enginePid: number | undefined, gaveUp = ""): void {
  try {
    writeRecord({
      ...state.plan,
      supervisor: state.self,
      engine: (enginePid === undefined ? undefined : identify(enginePid)) ?? null,
      starts: state.starts,
      state: gaveUp === "" ? "running" : "gave-up",
      message: gaveUp,
    });
  } catch (error) {
    if (!isDiskError(error)) throw error;
    say(state, "warn", `the supervisor's record could not be written: ${String(error)}`);
  }
}
