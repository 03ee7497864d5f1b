/** Programs of servers that tests start: where they are, why there is none, and how they are started and ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, chownSync, constants, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, test } from "vitest";

/** What the tests want of Debian. */
export const serverPackages = ["postgresql", "redis-server"] as const;

/** The user `nobody`, as whom servers run that refuse root. */
const nobody = 65_534;

/** The first of these programs on the path or where Debian keeps PostgreSQL's. */
export function findProgram(...names: string[]): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...postgresFolders()];
  return folders
    .filter(Boolean)
    .flatMap(folder => names.map(name => join(folder, name)))
    .find(isExecutable);
}

function postgresFolders(): string[] {
  const root = "/usr/lib/postgresql";
  try {
    return readdirSync(root)
      .sort()
      .reverse()
      .map(version => join(root, version, "bin"));
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A describe of tests that need a program: without one they are skipped with the reason, and fail where CI=true. */
export function describeWith(program: string | undefined, name: string, body: () => void): void {
  if (program !== undefined) {
    describe(name, body);
    return;
  }
  const reason = `its server is missing: apt-get install ${serverPackages.join(" ")}`;
  if (process.env.CI === "true") {
    test(`${name}: the server is there`, () => {
      throw new Error(reason);
    });
  } else {
    process.stderr.write(`skipped: ${name}: ${reason}\n`);
    describe.skip(`${name} (${reason})`, body);
  }
}

/** Gives the folder to the user that servers run as. */
export function giveToServer(folder: string): void {
  if (process.getuid?.() === 0) chownSync(folder, nobody, nobody);
}

/** Starts `program` as an ordinary user, its output in `lines`. */
export function startProgram(
  program: string,
  args: readonly string[],
  folder: string,
): { child: ChildProcess; lines: string[] } {
  const isRoot = process.getuid?.() === 0;
  const lines: string[] = [];
  const child = spawn(program, args, {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH ?? "", LC_ALL: "C", HOME: folder },
    ...(isRoot ? { uid: nobody, gid: nobody } : {}),
  });
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => lines.push(text));
  return { child, lines };
}

/** Sends the signal and resolves when the process is gone. */
export async function endProgram(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  await gone;
}
