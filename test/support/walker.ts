/** A user on a fresh machine: a copy of the project, an empty home folder, two ports of their own, and a shell. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { copyProject } from "./copy.ts";
import { freePorts } from "./ports.ts";

export interface Finished {
  output: string;
  code: number | null;
  ms: number;
}

export interface Started {
  child: ChildProcess;
  /** What it has printed so far. */
  output(): string;
  finished: Promise<Finished>;
}

export interface Walker extends AsyncDisposable {
  /** The copy of the project. */
  project: string;
  /** The empty home folder; Echorator's own is `.echorator` in it. */
  home: string;
  echoratorHome: string;
  ports: { main: number; ollama: number };
  /** `http://localhost:<main>` */
  main: string;
  ollama: string;
  start(command: string, env?: Record<string, string>): Started;
  run(command: string, env?: Record<string, string>): Promise<Finished>;
  /** Process ids of supervisor and engine, as the home's record has them. */
  processes(): { supervisor: number; engine: number };
  stackFile: string;
}

/** Ports are the one thing set beforehand: other tests and services may hold the usual ones. */
export async function createWalker(): Promise<Walker> {
  const copy = copyProject();
  const home = mkdtempSync(join(tmpdir(), "echorator-user-"));
  const echoratorHome = join(home, ".echorator");
  const [mainPort = 0, ollamaPort = 0] = await freePorts(2);
  mkdirSync(echoratorHome, { mode: 0o700 });
  const override = `config:\n  echorator:ports:\n    main: ${mainPort}\n    ollama: ${ollamaPort}\n`;
  writeFileSync(join(echoratorHome, "Pulumi.local.yaml"), override);
  const start = (command: string, env: Record<string, string> = {}) =>
    startShell(command, copy.path, { HOME: home, ...env });
  return {
    project: copy.path,
    home,
    echoratorHome,
    ports: { main: mainPort, ollama: ollamaPort },
    main: `http://localhost:${mainPort}`,
    ollama: `http://localhost:${ollamaPort}`,
    stackFile: join(copy.path, "stacks", "Pulumi.local.yaml"),
    start,
    run: (command, env) => start(command, env).finished,
    processes: () => readProcesses(echoratorHome),
    async [Symbol.asyncDispose]() {
      await start("npm run down -- --purge").finished;
      copy[Symbol.dispose]();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function startShell(command: string, cwd: string, env: Record<string, string>): Started {
  const { ECHORATOR_HOME: _, ...environment } = process.env;
  const begun = performance.now();
  const child = spawn("bash", ["-c", command], {
    cwd,
    env: { ...environment, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", text => {
      output += text;
    });
  const finished = new Promise<Finished>(resolve =>
    child.on("close", code => resolve({ output, code, ms: performance.now() - begun })),
  );
  return { child, output: () => output, finished };
}

function readProcesses(echoratorHome: string): { supervisor: number; engine: number } {
  const record = JSON.parse(readFileSync(join(echoratorHome, "run", "supervisor.json"), "utf8"));
  return { supervisor: record.supervisor?.pid ?? 0, engine: record.engine?.pid ?? 0 };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

/** Ids of the processes that `pid` has started and that run. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}

/** Waits until `check` holds, at most `msMax`; answers how long that took. */
export async function until(
  what: string,
  msMax: number,
  check: () => boolean | Promise<boolean>,
): Promise<number> {
  const begun = performance.now();
  for (;;) {
    if (await check()) return performance.now() - begun;
    if (performance.now() - begun > msMax) throw new Error(`not within ${msMax} ms: ${what}`);
    await sleep(20);
  }
}

/** Whether `url` answers with a 2xx now. */
export async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
