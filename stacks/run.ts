/** The commands of the project: npm run up | preview | refresh | down | env | config | plan | render. */

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { EngineError } from "../engine/contract/errors.ts";
import type { Command } from "./embedded/deployment.ts";
import { readProject } from "./embedded/project.ts";
import type { Terminal } from "./embedded/show.ts";
import { configure } from "./run/configure.ts";
import { renderExports } from "./run/exports.ts";
import { openHome } from "./run/home.ts";

const commands: Command[] = ["up", "preview", "refresh", "down"];

async function main(args: string[]): Promise<number> {
  const [command = "", ...rest] = args;
  const { values, positionals } = parseArgs({
    args: rest,
    allowPositionals: true,
    options: {
      purge: { type: "boolean", default: false },
      secret: { type: "boolean", default: false },
      path: { type: "boolean", default: false },
      stack: { type: "string" },
      out: { type: "string" },
      facts: { type: "string" },
      operator: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      all: { type: "boolean", default: false },
    },
  });
  const project = readProject(fileURLToPath(new URL("..", import.meta.url)));
  const home = openHome(process.env);
  const write = (text: string): void => void process.stdout.write(text);
  const common = { project, home };
  if (command === "config") {
    const stack = values.stack ?? "local";
    await configure({ ...common, words: positionals, isSecret: values.secret, stack, write });
    return 0;
  }
  const stack = values.stack ?? positionals[0] ?? "local";
  if (command === "env") {
    write(await renderExports({ ...common, stack }));
    return 0;
  }
  if (command === "plan" || command === "render") {
    const { facts, operator: withOperator, json: asJson, all: isAll, out } = values;
    const signal = interruption();
    const offline = { ...common, stack, facts, withOperator, isAll, hub: readHub(), write, signal };
    const { showPlan, renderStack } = await import("./run/offline.ts");
    if (command === "plan") return await showPlan({ ...offline, asJson });
    if (out !== undefined) return await renderStack({ ...offline, out });
    throw new EngineError("invalid_request", "`render` wants a folder", {
      remedy: `Write npm run render -- ${stack} --out DIR.`,
    });
  }
  const known = commands.find(name => name === command);
  if (known === undefined) {
    throw new EngineError("invalid_request", `there is no command "${command}"`, {
      remedy: "There are up, preview, refresh, down, env, config, plan and render.",
    });
  }
  const { deploy } = await import("./run/deploy.ts");
  return await deploy({
    ...common,
    command: known,
    stack,
    isPurge: values.purge,
    environment: process.env,
    out: terminal(),
    signal: interruption(),
  });
}

/** The Hugging Face hub, or a mirror of it. */
function readHub(): { endpoint: string; token: string | undefined } {
  const { HF_ENDPOINT: endpoint, HF_TOKEN: token } = process.env;
  return { endpoint: endpoint || "https://huggingface.co", token: token || undefined };
}

/** A tree that is drawn again on a terminal that can do so, plain lines anywhere else. */
function terminal(): Terminal {
  const { stdout } = process;
  const isLive = stdout.isTTY && process.env.TERM !== "dumb" && process.env.CI === undefined;
  return {
    write: text => void stdout.write(text),
    columns: isLive ? stdout.columns : undefined,
    rows: stdout.rows,
  };
}

/** The first Ctrl-C cancels, which leaves everything in order; the second ends at once, and the next `up` puts it right. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  return controller.signal;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Error)) throw error;
  const isOurs = error instanceof EngineError;
  const isMisuse = "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
  const isSystem = "syscall" in error;
  if (!isOurs && !isMisuse && !isSystem) throw error;
  const remedy = isOurs ? error.remedy : isSystem ? "Mend that, then run the command again." : "";
  process.stderr.write(`${error.message}${isMisuse ? "" : `. ${remedy}`}\n`);
  process.exitCode = 1;
}
