#!/usr/bin/env node
/** The process edge of kollama: arguments, environment, terminal and files → program → exit code. */
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleepMs } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { homeLayout } from "../contract/endpoints.ts";
import { EngineError } from "../contract/errors.ts";
import { openPlace } from "./choose-place.ts";
import { runProgram } from "./program.ts";
import { createStreams } from "./terminal.ts";

const { env } = process;
const root = fileURLToPath(new URL("../..", import.meta.url));
const interruption = new AbortController();

/** The first Ctrl-C ends what is being done, the second the process. */
process.on("SIGINT", () => {
  if (interruption.signal.aborted) process.exit(130);
  interruption.abort();
});
// `kollama list | head` closes our output early, which is no failure.
process.stdout.on("error", error => {
  if ("code" in error && error.code === "EPIPE") process.exit(0);
  throw error;
});

async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await sleepMs(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new EngineError("invalid_request", `${path} cannot be read: ${why}.`, {
      remedy: "Name a readable file.",
    });
  }
}

function readVersion(): string {
  const manifest = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}

/** The key of this machine's own engine, when there is one. */
function readHomeKey(): string | undefined {
  const path = join(env.ECHORATOR_HOME || join(homedir(), ".echorator"), homeLayout.adminKey);
  return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
}

process.exitCode = await runProgram({
  args: process.argv.slice(2),
  streams: createStreams({
    input: process.stdin,
    output: process.stdout,
    errors: process.stderr,
    environment: env,
  }),
  environment: env,
  openPlace: options =>
    openPlace({
      options,
      environment: env,
      root,
      userHome: homedir(),
      homeKey: readHomeKey,
      readFile: readText,
      sleep,
    }),
  readFile: readText,
  now: Date.now,
  sleep,
  signal: interruption.signal,
  version: readVersion(),
});
// A connection that is kept alive must not keep the process.
process.exit();
