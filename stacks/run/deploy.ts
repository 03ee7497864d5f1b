/** `up`, `preview`, `refresh` and `down` of a stack: by the Pulumi CLI where it can be had, else by the embedded engine. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { EngineError } from "../../engine/contract/errors.ts";
import type { Command } from "../embedded/deployment.ts";
import { runEmbedded } from "../embedded/embedded.ts";
import { takeLock } from "../embedded/lock.ts";
import type { Project } from "../embedded/project.ts";
import type { Secrets } from "../embedded/secrets.ts";
import { renderOutputs, type Terminal } from "../embedded/show.ts";
import { openState } from "../embedded/state.ts";
import type { Properties } from "../embedded/values.ts";
import { askCli, type FoundCli, findCli, minimumVersion, runCli } from "./cli.ts";
import { backendFolder, type Home, purge } from "./home.ts";
import {
  carryBack,
  decryptConfig,
  isStackName,
  openStackSecrets,
  readStackFile,
  type StackFile,
  withoutConfig,
  writeMerged,
} from "./stack-file.ts";

type Environment = Record<string, string | undefined>;

export interface DeployOptions {
  command: Command;
  stack: string;
  /** Weights and memory go as well, after everything else went. */
  isPurge: boolean;
  project: Project;
  home: Home;
  environment: Environment;
  out: Terminal;
  signal: AbortSignal;
}

/** Answers with the exit code. */
export async function deploy(options: DeployOptions): Promise<number> {
  const { home, command } = options;
  const file = readFiles(options);
  const cli = findCli(options.environment);
  const secrets = await openStackSecrets(file, home.passphrase);
  const isDone =
    cli.kind === "usable"
      ? await deployByCli(options, file, secrets)
      : await deployEmbedded(options, file, secrets, cli);
  if (isDone && command === "down" && options.isPurge) {
    for (const path of purge(home.folder)) options.out.write(`Removed ${path}\n`);
  }
  return isDone ? 0 : 1;
}

/** The stack's files; `down` goes by the state alone when they cannot be read, since it needs nothing else. */
function readFiles({ project, home, stack, command, out }: DeployOptions): StackFile {
  const files = { project: project.name, folder: project.configFolder, home: home.folder };
  try {
    return readStackFile(files, stack);
  } catch (error) {
    const isFile = home.backendUrl.startsWith("file://");
    if (!(error instanceof EngineError) || command !== "down" || !isFile || !isStackName(stack))
      throw error;
    const { salt } = openState(backendFolder(home.backendUrl), project.name, stack, "");
    if (salt === undefined) throw error;
    out.write(`${error.message}. The stack is taken down by its state, without that file.\n`);
    return withoutConfig(files, stack, salt);
  }
}

/** What all children are told; the user's own choices win. */
function childEnvironment(
  { home, project }: Pick<DeployOptions, "home" | "project">,
  environment: Environment,
): Environment {
  const tools = join(project.root, "node_modules", ".bin");
  return {
    ...environment,
    ...home.passphraseVariables,
    PATH: [tools, environment.PATH ?? ""].join(delimiter),
    PULUMI_BACKEND_URL: home.backendUrl,
    ECHORATOR_HOME: home.folder,
  };
}

function requireEmbeddable(options: DeployOptions, file: StackFile, cli: FoundCli): void {
  const target = file.config[`${options.project.name}:target`] ?? "process";
  if (target === "process") return;
  const what =
    cli.kind === "old"
      ? `the Pulumi CLI here is ${cli.version} and ${minimumVersion.join(".")} is needed`
      : "there is no Pulumi CLI on this machine";
  throw new EngineError(
    "unsupported",
    `stack "${options.stack}" is for ${String(target)}, and ${what}`,
    {
      remedy:
        "Install it as https://www.pulumi.com/docs/install/ says, then run the command again.",
    },
  );
}

async function deployEmbedded(
  options: DeployOptions,
  file: StackFile,
  secrets: Secrets,
  cli: FoundCli,
): Promise<boolean> {
  requireEmbeddable(options, file, cli);
  const { command, stack, project, home, out } = options;
  const why =
    cli.kind === "old" ? `the Pulumi CLI ${cli.version} is too old` : "no Pulumi CLI here";
  out.write(
    `Deploying stack ${stack} with the embedded engine (${why}), state in ${home.backendUrl}\n\n`,
  );
  const { values, secretKeys } = decryptConfig(file.config, secrets);
  const result = await runEmbedded({
    command,
    stack,
    projectRoot: project.root,
    backend: backendFolder(home.backendUrl),
    passphrase: home.passphrase,
    secrets,
    config: values,
    secretKeys,
    environment: childEnvironment(options, options.environment),
    out,
    signal: options.signal,
  });
  return result.succeeded;
}

const verbs: Record<Command, string[]> = {
  up: ["up", "--yes", "--skip-preview", "--suppress-outputs"],
  preview: ["preview"],
  refresh: ["refresh", "--yes", "--skip-preview"],
  down: ["destroy", "--yes", "--skip-preview"],
};

async function deployByCli(
  options: DeployOptions,
  file: StackFile,
  secrets: Secrets,
): Promise<boolean> {
  const { command, stack, project, home } = options;
  const merged = writeMerged(file, stack, home.folder);
  const environment = childEnvironment(options, options.environment);
  const context = { root: project.root, environment, signal: options.signal };
  prepareCli(options, secrets, context);
  const common = ["--stack", stack, "--config-file", merged];
  const code = await runCli([...verbs[command], ...common], context);
  carryBack(file, merged);
  if (code === 0 && command === "up" && isRepaired(options, secrets)) {
    const clear = ["--clear-pending-creates", "--suppress-outputs"];
    await runCli([...verbs.refresh, ...clear, ...common], context);
  }
  if (code === 0 && command === "up") {
    const outputs = JSON.parse(askCli(["stack", "output", "--json", "--stack", stack], context));
    for (const line of renderOutputs(outputs as Properties)) options.out.write(`${line}\n`);
  }
  return code === 0;
}

/** Whether creations are still listed as cut off that this deployment has made again; the CLI keeps warning of them. */
function isRepaired({ home, project, stack }: DeployOptions, secrets: Secrets): boolean {
  if (!home.backendUrl.startsWith("file://")) return false;
  const state = openState(backendFolder(home.backendUrl), project.name, stack, "");
  if (state.salt !== secrets.salt) return false;
  const { pendingOperations, resources } = state.read(secrets);
  const known = new Set(resources.map(({ urn }) => urn));
  const isKnown = pendingOperations.every(({ resource }) => known.has(resource.urn));
  return pendingOperations.length > 0 && isKnown;
}

/** Makes the stack known to the backend and clears away what a killed deployment left. */
function prepareCli(
  options: DeployOptions,
  secrets: Secrets,
  context: { root: string; environment: Environment },
): void {
  const { stack, home, project } = options;
  if (!home.backendUrl.startsWith("file://")) {
    // Elsewhere only the CLI itself can make a stack.
    askCli(["stack", "select", "--create", "--stack", stack], context);
    return;
  }
  ensureStack({ stack, home, project }, secrets);
  const state = openState(backendFolder(home.backendUrl), project.name, stack, "");
  const lock = takeLock(state.lockFolder, stack);
  for (const notice of lock.notices) options.out.write(`${notice}\n`);
  lock.release();
}

/** An empty state is a stack, so that `pulumi` finds it without asking and without writing configuration. */
export function ensureStack(
  options: Pick<DeployOptions, "stack" | "home" | "project">,
  secrets: Secrets,
): void {
  if (!options.home.backendUrl.startsWith("file://")) return;
  const folder = backendFolder(options.home.backendUrl);
  const path = join(folder, ".pulumi", "stacks", options.project.name, `${options.stack}.json`);
  if (existsSync(path)) return;
  const state = openState(folder, options.project.name, options.stack, "");
  state.write({ resources: [], pendingOperations: [] }, secrets);
}
