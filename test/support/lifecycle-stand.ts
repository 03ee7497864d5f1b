/** A place for the life cycle suite to deploy its small stack in, with either engine, and to look at what came of it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { createSecrets, openSecrets, type Secrets } from "../../stacks/embedded/secrets.ts";
import { openState } from "../../stacks/embedded/state.ts";

export const lifecycleProject = fileURLToPath(new URL("../fixtures/lifecycles", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));
const passphrase = "a passphrase of the suite";
export const password = "hunter2-in-clear";

export type EngineName = "embedded" | "pulumi";
export type Command = "up" | "preview" | "refresh" | "down";

export interface Ended {
  code: number | null;
  output: string;
}

export interface Running {
  child: ChildProcess;
  ended: Promise<Ended>;
}

export interface StoredResource {
  urn: string;
  type: string;
  id?: string;
  [field: string]: unknown;
}

export interface Stored {
  resources: StoredResource[];
  pending: { type: string; resource: StoredResource }[];
}

export interface Stand extends Disposable {
  folder: string;
  /** Where the resources are. */
  files: string;
  start(command: Command, things: object[]): Running;
  run(command: Command, things: object[]): Promise<Ended>;
  /** The same state with another engine. */
  with(engine: EngineName): Stand;
  state(): Stored;
  /** The state file as it is. */
  stateText(): string;
  setState(text: string): void;
  /** What the provider did since the last call. */
  journal(): string[];
  /** Names of the files that exist as resources. */
  things(): string[];
  /** Makes the operations on `id` wait until they are released. */
  hold(id: string): void;
  release(id: string): void;
  /** Resolves when the provider has written the line; fails when the deployment ends without it. */
  untilNoted(line: string, running: Running): Promise<void>;
}

/** Why the half of the suite with the real CLI does not run here; undefined when it does. */
export function cliAbsence(): string | undefined {
  try {
    execFileSync("pulumi", ["version"], { stdio: "pipe" });
    return undefined;
  } catch {
    return "there is no `pulumi` on PATH";
  }
}

/** Key derivation is slow on purpose, so that all stands share one salt. */
let shared: Promise<Secrets> | undefined;

export async function createStand(engine: EngineName, salt?: string): Promise<Stand> {
  shared ??= createSecrets(passphrase);
  const secrets = await (salt === undefined ? shared : openSecrets(passphrase, salt));
  const folder = mkdtempSync(join(tmpdir(), "echorator-lifecycle-"));
  const files = join(folder, "files");
  mkdirSync(files);
  return toStand(engine, folder, secrets);
}

function toStand(engine: EngineName, folder: string, secrets: Secrets): Stand {
  const files = join(folder, "files");
  const backend = join(folder, "backend");
  const config = join(folder, "Pulumi.test.yaml");
  const statePath = join(backend, ".pulumi", "stacks", "lifecycles", "test.json");
  const journalPath = join(files, "journal.txt");
  let read = 0;
  const lines = (): string[] =>
    existsSync(journalPath) ? readFileSync(journalPath, "utf8").trim().split("\n") : [];

  const start = (command: Command, things: object[]): Running => {
    mkdirSync(backend, { recursive: true });
    writeFileSync(config, stringify(toConfig(things, secrets)));
    const child = engine === "embedded" ? startEmbedded(command) : startCli(command);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    const ended = new Promise<Ended>(done => {
      child.once("close", code => done({ code, output }));
    });
    return { child, ended };
  };
  const environment = {
    ...process.env,
    PATH: [join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter),
    FILES_FOLDER: files,
    PULUMI_BACKEND_URL: `file://${backend}`,
    PULUMI_CONFIG_PASSPHRASE: passphrase,
    PULUMI_HOME: join(folder, "pulumi-home"),
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
  const startEmbedded = (command: Command): ChildProcess => {
    const main = fileURLToPath(new URL("lifecycle-embedded.ts", import.meta.url));
    const args = [main, command, lifecycleProject, backend, folder];
    return spawn(process.execPath, args, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  };
  const startCli = (command: Command): ChildProcess => {
    if (!existsSync(statePath)) {
      const empty = { resources: [], pendingOperations: [] };
      openState(backend, "lifecycles", "test", "").write(empty, secrets);
    }
    const verb = command === "down" ? "destroy" : command;
    const hasNoPrompt = command === "preview" ? [] : ["--yes", "--skip-preview"];
    const args = [verb, ...hasNoPrompt, "--stack", "test", "--config-file", config];
    return spawn("pulumi", [...args, "--non-interactive"], {
      cwd: lifecycleProject,
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
  };
  return {
    folder,
    files,
    start,
    run: (command, things) => start(command, things).ended,
    with: other => toStand(other, folder, secrets),
    state: () => readStored(statePath),
    stateText: () => readFileSync(statePath, "utf8"),
    setState: text => {
      mkdirSync(join(statePath, ".."), { recursive: true });
      writeFileSync(statePath, text);
    },
    journal: () => {
      const all = lines();
      const fresh = all.slice(read);
      read = all.length;
      return fresh;
    },
    things: () =>
      readdirSync(files)
        .filter(name => name.endsWith(".json"))
        .map(name => name.replace(/\.json$/, ""))
        .sort(),
    hold: id => writeFileSync(join(files, `hold-${id}`), ""),
    release: id => rmSync(join(files, `hold-${id}`), { force: true }),
    untilNoted: async (line, { ended }) => {
      let end: Ended | undefined;
      void ended.then(result => {
        end = result;
      });
      await until(() => end !== undefined || lines().includes(line));
      if (!lines().includes(line)) throw new Error(`it ended without "${line}":\n${end?.output}`);
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function toConfig(things: object[], secrets: Secrets): object {
  return {
    encryptionsalt: secrets.salt,
    config: {
      "lifecycles:things": things,
      "lifecycles:password": { secure: secrets.encrypt(password) },
    },
  };
}

function readStored(path: string): Stored {
  const { latest } = JSON.parse(readFileSync(path, "utf8")).checkpoint;
  return { resources: latest.resources ?? [], pending: latest.pending_operations ?? [] };
}

/** Looks again and again, for as long as the test may run. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(done => setTimeout(done, 20));
}

const volatile = new Set(["created", "modified", "sourcePosition", "stackTrace"]);

/** Resources without what differs between any two deployments: times, random ids, ciphertexts, where the program is. */
export function comparable(stored: Stored): object[] {
  return stored.resources
    .map(resource => {
      const kept = Object.entries(resource).filter(([key]) => !volatile.has(key));
      const text = JSON.stringify(Object.fromEntries(kept))
        .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, "ID")
        .replace(/"ciphertext":"[^"]*"/g, '"ciphertext":"C"');
      return JSON.parse(text) as StoredResource;
    })
    .sort((one, other) => (one.urn + one.delete < other.urn + other.delete ? -1 : 1));
}
