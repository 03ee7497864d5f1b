/** The embedded deployment engine: runs a Pulumi program where the Pulumi CLI cannot be had, on the same state. */
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { EngineError } from "../../engine/contract/errors.ts";
import { type Command, createDeployment, type Deployment, refuse } from "./deployment.ts";
import { type EngineService, startEngineService } from "./engine-service.ts";
import { Stopped } from "./gate.ts";
import { takeLock } from "./lock.ts";
import { startMonitor } from "./monitor.ts";
import { explainedExitCode, type Program, startProgram } from "./program.ts";
import { type Project, readProject } from "./project.ts";
import type { ResourceProvider } from "./provider.ts";
import { startPlugin } from "./provider-process.ts";
import { createProviders } from "./providers.ts";
import { createRegistration } from "./registration.ts";
import { removeResources } from "./removal.ts";
import { repairAfter, repairBefore } from "./repair.ts";
import { isProviderType, type ResourceState, stackType } from "./resource.ts";
import { openSecrets, type Secrets } from "./secrets.ts";
import { createShow, type Op, type Terminal } from "./show.ts";
import { createSnapshot } from "./snapshot.ts";
import { openState, type StackState, type StateFile } from "./state.ts";
import { refreshResource } from "./steps.ts";
import { isIdentical, type Properties } from "./values.ts";

export interface EmbeddedOptions {
  command: Command;
  stack: string;
  /** Where Pulumi.yaml is. */
  projectRoot: string;
  /** The folder of the file backend. */
  backend: string;
  passphrase: string;
  /** Of the stack's configuration, under which the state is kept from now on. */
  secrets: Secrets;
  /** Configuration in clear, by `project:key`; values that are not text as JSON. */
  config: Record<string, string>;
  secretKeys: string[];
  /** Providers that are used in place of plugins, by package. */
  providers?: (packageName: string) => ResourceProvider | undefined;
  /** Answers to look-ups, by token; without it every look-up is refused. */
  lookups?: Record<string, (args: Properties) => Properties>;
  parallel?: number;
  environment: Record<string, string | undefined>;
  out: Terminal;
  signal?: AbortSignal;
}

export interface EmbeddedResult {
  succeeded: boolean;
  /** Of the stack; secrets still carry their tags. */
  outputs: Properties | undefined;
  counts: Record<Op | "same", number>;
  resources: ResourceState[];
}

const parallelMax = 16;
const programStopMs = 5_000;

function sdkVersion(root: string): string {
  const sdk = createRequire(`${root}/`)("@pulumi/pulumi/package.json") as { version: string };
  return `v${sdk.version}`;
}

/** The state as it was found, which may be kept under another salt than it will be. */
async function readState(options: EmbeddedOptions, saved: StateFile): Promise<StackState> {
  const { secrets, passphrase } = options;
  if (saved.salt === undefined || saved.salt === secrets.salt) return saved.read(secrets);
  return saved.read(await openSecrets(passphrase, saved.salt));
}

/** Brings the stack to what the command asks for; errors of resources are shown, not thrown. */
export async function runEmbedded(options: EmbeddedOptions): Promise<EmbeddedResult> {
  const project = readProject(options.projectRoot);
  const version = sdkVersion(options.projectRoot);
  const saved = openState(options.backend, project.name, options.stack, version);
  const lock =
    options.command === "preview" ? undefined : takeLock(saved.lockFolder, options.stack);
  try {
    for (const notice of lock?.notices ?? []) options.out.write(`${notice}\n`);
    return await deploy(options, project, saved);
  } finally {
    lock?.release();
  }
}

async function deploy(
  options: EmbeddedOptions,
  project: Project,
  saved: StateFile,
): Promise<EmbeddedResult> {
  const isPreview = options.command === "preview";
  const state = await readState(options, saved);
  const environment = withNode(options.environment, project.root);
  const snapshot = createSnapshot(state, (now: StackState) => {
    if (!isPreview) saved.write(now, options.secrets);
  });
  const parents = new Map<string, string>();
  const show = createShow({
    terminal: options.out,
    isPreview,
    clock: Date.now,
    parentOf: urn =>
      parents.get(urn) ?? snapshot.resources().find(resource => resource.urn === urn)?.parent,
  });
  const service = await startEngineService(({ severity, message, urn, isPassing }) => {
    show.log(severity, message, urn, isPassing);
    if (severity === "error") deployment.fail(new Stopped());
  });
  const providers = createProviders({
    known: state.resources.filter(({ type }) => isProviderType(type)),
    open: name => openProvider(options, project, service, environment, name),
  });
  const deployment: Deployment = createDeployment({
    project: project.name,
    stack: options.stack,
    isPreview,
    snapshot,
    providers,
    show,
    now: () => new Date().toISOString(),
    interrupted: new Set(),
    parallel: options.parallel ?? Math.min(parallelMax, 4 * availableParallelism()),
  });
  const cancel = (): void => {
    show.line("Cancelling: what is running is being stopped, and nothing new begins.");
    deployment.fail(new Stopped());
    void providers.cancel();
  };
  options.signal?.addEventListener("abort", cancel, { once: true });
  if (options.signal?.aborted === true) cancel();
  let outputs: Properties | undefined;
  try {
    await repairBefore(deployment);
    if (options.command === "down") await destroy(deployment);
    else if (options.command === "refresh") await refresh(deployment);
    else outputs = await runProgram(options, deployment, project, service, environment, parents);
  } catch (error) {
    deployment.fail(error);
  } finally {
    await deployment.gate.settled();
    options.signal?.removeEventListener("abort", cancel);
    await providers.cancel();
    await providers.close();
    service.close();
  }
  show.close({ hasFailed: deployment.hasFailed(), outputs });
  return {
    succeeded: !deployment.hasFailed(),
    outputs,
    counts: show.counts(),
    resources: snapshot.resources(),
  };
}

/** The `node` of plugins' first lines is the one that runs this, and the project's tools come first. */
function withNode(
  environment: Record<string, string | undefined>,
  root: string,
): Record<string, string | undefined> {
  const folders = [dirname(process.execPath), join(root, "node_modules", ".bin")];
  const path = [...folders, environment.PATH ?? ""].join(delimiter);
  return { ...environment, PATH: path };
}

async function openProvider(
  options: EmbeddedOptions,
  project: Project,
  service: EngineService,
  environment: Record<string, string | undefined>,
  name: string,
): Promise<ResourceProvider> {
  const given = options.providers?.(name);
  if (given !== undefined) return given;
  const folder = project.plugins.get(name);
  if (folder === undefined) refuse(`provider for ${name} (Pulumi.yaml names none)`);
  const directory = project.main;
  return await startPlugin({
    name,
    folder,
    directory,
    environment,
    engineAddress: service.address,
  });
}

async function destroy(deployment: Deployment): Promise<void> {
  deployment.providers.warm();
  await repairAfter(deployment);
  await removeResources(deployment, deployment.snapshot.resources());
}

async function refresh(deployment: Deployment): Promise<void> {
  const isReal = ({ custom, type, pendingReplacement }: ResourceState): boolean =>
    custom && !isProviderType(type) && pendingReplacement !== true;
  const reads = deployment.snapshot
    .resources()
    .filter(isReal)
    .map(async resource => {
      try {
        await refreshResource(deployment, resource);
      } catch (error) {
        deployment.fail(error, resource.urn);
      }
    });
  await Promise.all(reads);
}

/** Runs the program; its outputs are the stack's. */
async function runProgram(
  options: EmbeddedOptions,
  deployment: Deployment,
  project: Project,
  service: EngineService,
  environment: Record<string, string | undefined>,
  parents: Map<string, string>,
): Promise<Properties | undefined> {
  const registration = createRegistration(deployment, {
    configurationOf: name => configurationOf(options.config, name),
  });
  let isFinished = false;
  const monitor = await startMonitor({
    project: project.name,
    stack: options.stack,
    ...registration,
    register: goal => {
      if (goal.parent !== undefined) parents.set(goal.urn, goal.parent);
      return registration.register(goal);
    },
    registerOutputs: (urn, outputs) => recordOutputs(deployment, urn, outputs),
    invoke: async (token, args) => {
      const look = options.lookups?.[token];
      return look === undefined ? refuse(`look-ups (${token})`) : look(args);
    },
    finish: async () => {
      isFinished = true;
      await finish(deployment);
    },
    fail: deployment.fail,
  });
  deployment.providers.warm();
  const program = startProgram({
    ...options,
    ...{ project: project.name, root: project.root, main: project.main, environment },
    ...{ monitorAddress: monitor.address, engineAddress: service.address },
    isPreview: deployment.isPreview,
    parallel: options.parallel ?? parallelMax,
    onLine: line => deployment.show.line(line),
  });
  try {
    await endOf(program, deployment, () => isFinished);
  } finally {
    await deployment.gate.settled();
    program.kill();
    monitor.close();
  }
  const root = deployment.snapshot.resources().find(({ type }) => type === stackType);
  return root?.outputs;
}

/** Waits for the program; one that goes on after the deployment was stopped is ended. */
async function endOf(
  program: Program,
  deployment: Deployment,
  isFinished: () => boolean,
): Promise<void> {
  const watch = setInterval(() => {
    if (!deployment.gate.isStopped()) return;
    clearInterval(watch);
    void deployment.gate.settled().then(() => setTimeout(program.kill, programStopMs).unref());
  }, 50);
  const code = await program.ended;
  clearInterval(watch);
  if (code === 0 && isFinished()) return;
  if (deployment.hasFailed() || code === explainedExitCode) return deployment.fail(new Stopped());
  throw new EngineError("internal", `the program ended with ${code ?? "a signal"}`, {
    remedy: "Look at what it printed above.",
  });
}

/** The program registered everything: what it did not register goes, unless something failed. */
async function finish(deployment: Deployment): Promise<void> {
  await deployment.gate.settled();
  if (deployment.gate.isStopped()) return;
  await repairAfter(deployment);
  const leftovers = deployment.snapshot.resources().filter(({ delete: gone }) => gone === true);
  const unwanted = deployment.snapshot.olds();
  await removeResources(deployment, [...new Set([...unwanted, ...leftovers])]);
}

function recordOutputs(deployment: Deployment, urn: string, outputs: Properties): void {
  const resource = deployment.snapshot
    .resources()
    .find(entry => entry.urn === urn && !entry.delete);
  if (resource === undefined) {
    throw new EngineError("internal", `outputs of ${urn}, which is not registered`);
  }
  if (isIdentical(resource.outputs ?? {}, outputs)) return;
  if (Object.keys(outputs).length === 0) delete resource.outputs;
  else resource.outputs = outputs;
  deployment.snapshot.touch();
}

function configurationOf(config: Record<string, string>, packageName: string): Properties {
  const prefix = `${packageName}:`;
  const own = Object.entries(config).filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value]));
}
