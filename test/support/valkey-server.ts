/** A real Valkey (or Redis) on a socket of its own, for one test. */
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../engine/kit/clock.ts";
import { endProgram, findProgram, giveToServer, startProgram } from "./server-programs.ts";

export const valkeyProgram = findProgram("valkey-server", "redis-server");

export interface ValkeyServer {
  url: string;
  password: string;
  /** Starts it again after `kill`. */
  start(): Promise<void>;
  /** It answers no more until `resume`, and its connections stay open. */
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export async function startValkey(): Promise<ValkeyServer> {
  // Short, for the path of a socket is.
  const folder = mkdtempSync("/tmp/valkey-");
  giveToServer(folder);
  const socket = join(folder, "s");
  const password = "a-secret-of-the-test";
  const args = ["--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no"];
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    if (valkeyProgram === undefined) throw new Error("there is no valkey-server");
    const started = startProgram(valkeyProgram, [...args, "--requirepass", password], folder);
    child = started.child;
    while (!started.lines.join("").includes("ccept connections")) {
      if (child.exitCode !== null) throw new Error(started.lines.join(""));
      await systemClock.sleep(10);
    }
    while (!existsSync(socket)) await systemClock.sleep(10);
  }

  const kill = async () => {
    if (child !== undefined) await endProgram(child, "SIGKILL");
  };
  await start();
  return {
    url: `unix://${socket}?password=${password}`,
    password,
    start,
    pause: () => child?.kill("SIGSTOP"),
    resume: () => child?.kill("SIGCONT"),
    kill,
    stop: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
