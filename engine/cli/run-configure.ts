/** Runs the checkout's own `npm run config` for a stack, so that there is one way to read and write its files. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { EngineError } from "../contract/errors.ts";
import type { Configure } from "./places/stack-place.ts";

const outputBytesMax = 16 * 1024 * 1024;

export function createConfigure(
  root: string,
  stack: string,
  environment: Readonly<Record<string, string | undefined>>,
): Configure {
  const entry = join(root, "stacks", "run.ts");
  if (!existsSync(entry))
    throw new EngineError(
      "invalid_request",
      `There are no stacks beside this kollama: ${entry} is not there.`,
      {
        field: "stack",
        remedy: "Run the kollama of a checkout, or name a cluster or an engine.",
      },
    );
  return async words => {
    const args = [join(root, "launch.mjs"), entry, "config", ...words, "--stack", stack];
    const { code, output, errors } = await runToEnd(args, environment);
    if (code === 0) return output;
    if (words[0] === "get" && errors.includes("is not set in stack")) return undefined;
    throw new EngineError("invalid_config", errors.trim() || "The configuration cannot be read.", {
      remedy: `See npm run config -- --stack ${stack}.`,
    });
  };
}

function runToEnd(
  args: string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<{ code: number; output: string; errors: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const read = { output: "", errors: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (read.output.length < outputBytesMax) read.output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      if (read.errors.length < outputBytesMax) read.errors += text;
    });
    child.once("error", reject);
    child.once("close", code => resolve({ code: code ?? 1, ...read }));
  });
}
