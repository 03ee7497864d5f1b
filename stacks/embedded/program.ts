/** The stack's program in a process of its own, run by the SDK's entry point as Pulumi's language host runs it. */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

export interface ProgramOptions {
  project: string;
  stack: string;
  root: string;
  main: string;
  monitorAddress: string;
  engineAddress: string;
  isPreview: boolean;
  parallel: number;
  config: Record<string, string>;
  secretKeys: string[];
  environment: Record<string, string | undefined>;
  /** A line that the program wrote itself. */
  onLine: (line: string) => void;
}

export interface Program {
  /** The exit code once it has ended; undefined when a signal ended it. */
  ended: Promise<number | undefined>;
  /** Ends it, at once. */
  kill(): void;
}

/** It said everything there is to say about its failure. */
export const explainedExitCode = 32;

export function startProgram(options: ProgramOptions): Program {
  const entry = createRequire(`${options.root}/`).resolve("@pulumi/pulumi/cmd/run");
  const child = spawn(process.execPath, [entry, ...toArguments(options)], {
    cwd: options.main,
    // Ctrl-C on the terminal is the engine's to answer.
    detached: true,
    env: {
      ...options.environment,
      PULUMI_CONFIG: JSON.stringify(options.config),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(options.secretKeys),
      PULUMI_NODEJS_TYPESCRIPT: "false",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines = (stream: Readable): void => {
    createInterface(stream).on("line", options.onLine);
  };
  lines(child.stdout);
  lines(child.stderr);
  const ended = new Promise<number | undefined>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", code => resolve(code ?? undefined));
  });
  ended.catch(() => undefined);
  return { ended, kill: () => void child.kill("SIGKILL") };
}

function toArguments(options: ProgramOptions): string[] {
  return [
    ...["--monitor", options.monitorAddress],
    ...["--engine", options.engineAddress],
    ...["--organization", "organization"],
    ...["--project", options.project],
    ...["--stack", options.stack],
    ...["--root-directory", options.root],
    ...["--pwd", options.main],
    ...["--parallel", String(options.parallel)],
    ...(options.isPreview ? ["--dry-run"] : []),
    ".",
  ];
}
