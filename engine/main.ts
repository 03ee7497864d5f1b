/** The process edge: arguments, environment and files → app → listen → signals. */
import { randomBytes } from "node:crypto";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { EngineConfig } from "./contract/config.ts";
import { homeLayout } from "./contract/endpoints.ts";
import { EngineError } from "./contract/errors.ts";
import { supervision } from "./contract/supervision.ts";
import { workerKeyVariable } from "./contract/worker.ts";
import { systemClock } from "./kit/clock.ts";
import { createIds } from "./kit/identifiers.ts";
import { systemRandom } from "./kit/random.ts";
import { type Listeners, listen } from "./listen.ts";
import type { Running } from "./roles/running.ts";
import { layerSettings } from "./settings.ts";
import { createLog, type LeveledLog } from "./telemetry/log.ts";
import { createMetrics } from "./telemetry/metrics.ts";

const usage = `Usage: node engine/main.ts [--home DIR] [--config FILE] [--set key.path=value …]

  --home DIR        what is kept: weights, memory, logs (default: ECHORATOR_HOME, then ~/.echorator)
  --config FILE     configuration as YAML (default: engine.yaml in the home folder, when it is there)
  --set KEY=VALUE   one setting, such as --set log.level=debug; stronger than file and environment
  --supervised      end when standard input ends
  --instance ID     repeated by /api/health
`;

interface Arguments {
  home: string;
  configFile: string | undefined;
  sets: string[];
  supervised: boolean;
  instance: string | undefined;
}

function readArguments(argv: string[], environment: NodeJS.ProcessEnv): Arguments {
  const { values } = parseArgs({
    args: argv,
    options: {
      home: { type: "string" },
      config: { type: "string" },
      set: { type: "string", multiple: true },
      supervised: { type: "boolean" },
      instance: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    process.exit(0);
  }
  const home = values.home ?? environment.ECHORATOR_HOME ?? join(homedir(), ".echorator");
  return {
    home: resolve(home),
    configFile: values.config === undefined ? undefined : resolve(values.config),
    sets: values.set ?? [],
    supervised: values.supervised ?? false,
    instance: values.instance,
  };
}

function readConfig(given: Arguments, environment: NodeJS.ProcessEnv): EngineConfig {
  const usual = join(given.home, homeLayout.engineConfig);
  const path = given.configFile ?? (existsSync(usual) ? usual : undefined);
  return layerSettings({
    environment,
    sets: given.sets,
    ...(path === undefined ? {} : { file: { path, text: readFile(path) } }),
  });
}

function readFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new EngineError("invalid_config", `${path} cannot be read: ${why}.`, {
      remedy: "Name a readable file with --config.",
    });
  }
}

/** Whoever starts first makes it; a link appears whole, or not at all where another was faster. */
function ensureAdminKey(home: string): string {
  const path = join(home, homeLayout.adminKey);
  if (!existsSync(path)) {
    const temporary = `${path}.${process.pid}.tmp`;
    writeFileSync(temporary, randomBytes(32).toString("base64url"), { mode: 0o600, flush: true });
    try {
      linkSync(temporary, path);
    } catch (error) {
      if (!existsSync(path)) throw error;
    } finally {
      rmSync(temporary, { force: true });
    }
  }
  const key = readFileSync(path, "utf8").trim();
  if (key !== "") return key;
  throw new EngineError("invalid_config", `${path} is empty.`, {
    remedy: "Remove the file and start again; a new key is made.",
  });
}

function makeHome(home: string): void {
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    if (!statSync(home).isDirectory()) throw new Error("it is no folder");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new EngineError("invalid_config", `The home folder ${home} cannot be used: ${why}.`, {
      remedy: "Name another with --home or ECHORATOR_HOME.",
    });
  }
}

function createOwnLog(config: EngineConfig): LeveledLog {
  const { level, format } = config.log;
  const isPretty = format === "pretty" || (format === "auto" && process.stdout.isTTY);
  return createLog({
    level,
    format: isPretty ? "pretty" : "json",
    clock: systemClock,
    write: line => void process.stdout.write(line),
  });
}

function readVersion(): string {
  const manifest = new URL("../package.json", import.meta.url);
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}

async function start(given: Arguments, environment: NodeJS.ProcessEnv): Promise<void> {
  const config = readConfig(given, environment);
  const log = createOwnLog(config);
  // The ports first: where they are taken nothing is made or touched.
  const listeners = await listen({ host: config.host, ports: portsOf(config) });
  try {
    const app = await openApp(given, config, environment, log);
    listeners.open(app);
    const graceMs = config.graceSeconds * 1_000;
    stopOnSignal(app, listeners, log, { supervised: given.supervised, graceMs });
    const { main, ollama } = listeners.ports;
    log.info("the engine answers", {
      role: config.role,
      host: config.host,
      main,
      ollama,
      home: given.home,
    });
  } catch (error) {
    listeners.destroy();
    await listeners.close();
    throw error;
  }
}

/** Only roles that answer people have the port of the compatible dialects. */
function portsOf({ role, ports }: EngineConfig): { main: number; ollama?: number } {
  return role === "all" || role === "gateway" ? ports : { main: ports.main };
}

async function openApp(
  given: Arguments,
  config: EngineConfig,
  environment: NodeJS.ProcessEnv,
  log: LeveledLog,
): Promise<Running> {
  makeHome(given.home);
  const adminKey = ensureAdminKey(given.home);
  const { createApp } = await import("./app.ts");
  return createApp({
    config,
    home: given.home,
    bundledFolder: resolve(import.meta.dirname, "models/bundled"),
    hub: {
      endpoint: environment.HF_ENDPOINT || "https://huggingface.co",
      token: environment.HF_TOKEN || undefined,
    },
    adminKey,
    workerKey: environment[workerKeyVariable] || undefined,
    version: readVersion(),
    instance: given.instance ?? createIds(systemClock, systemRandom)("eng"),
    environment,
    clock: systemClock,
    random: systemRandom,
    log,
    metrics: createMetrics(),
  });
}

function stopOnSignal(
  app: Running,
  listeners: Listeners,
  log: LeveledLog,
  { supervised, graceMs }: { supervised: boolean; graceMs: number },
): void {
  let stopping = false;
  const stop = async (why: string) => {
    if (stopping) return;
    stopping = true;
    log.info("the engine stops", { why });
    // Replies that are being written keep their connections; new ones are not taken.
    const closed = listeners.close();
    await app.stop(graceMs);
    listeners.destroy();
    await closed;
    log.info("the engine has stopped");
    process.exit(0);
  };
  const fail = (error: unknown) => {
    log.error("the engine could not stop in order", { error: String(error) });
    process.exit(1);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => void stop(signal).catch(fail));
  if (!supervised) return;
  process.stdin.on("end", () => void stop("its supervisor is gone").catch(fail));
  process.stdin.on("error", () => void stop("its supervisor is gone").catch(fail));
  process.stdin.resume();
}

function explain(error: unknown): string {
  if (error instanceof EngineError) return `${error.message} ${error.remedy}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

try {
  await start(readArguments(process.argv.slice(2), process.env), process.env);
} catch (error) {
  const isUsage = error instanceof TypeError && "code" in error;
  process.stderr.write(`${isUsage ? `${error.message}\n\n${usage}` : explain(error)}\n`);
  const hopeless = isUsage || (error instanceof EngineError && error.code === "invalid_config");
  process.exitCode = hopeless ? supervision.exitHopeless : 1;
  // Whatever is still open must not keep a process that has failed.
  process.exit();
}
