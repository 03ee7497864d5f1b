/** A real Kubernetes for tests: a throw-away one of this machine, or any other that ECHO_TEST_KUBECONFIG names. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, test } from "vitest";

const run = promisify(execFile);

/** `api`: the API server and its controllers, pods stay Pending. `full`: nodes as well. */
export type TestbedMode = "api" | "full";

export interface TestbedOptions {
  /** Of `full`: at most 8, each in its own namespaces. */
  nodes?: number;
  /** Archives that every node knows from its start. */
  images?: readonly string[];
  /** Whether metrics.k8s.io is there. */
  metrics?: boolean;
  apiServerArguments?: string;
  controllerArguments?: string;
  /** `A=true,B=false`, for every component. */
  featureGates?: string;
}

export interface Testbed {
  /** Path of a cluster administrator's kubeconfig. */
  kubeconfig: string;
  /** Folder of the throw-away cluster (logs, pki, `run/m1.init`); undefined for another cluster. */
  directory: string | undefined;
  /** Runs kubectl; `input` is its standard input. @returns what it printed. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Lets every node run the images of an archive. */
  loadImage(path: string): Promise<void>;
  /** A new namespace of that beginning; its labels may ask for Pod Security. */
  createNamespace(prefix?: string, labels?: Record<string, string>): Promise<string>;
  /** Takes node `index` away as a power cut would, or brings it back; only of a throw-away cluster. */
  switchNode(verb: "up" | "down", index: number): Promise<void>;
  /** Ends and removes the throw-away cluster; of another one, the namespaces that were created here. */
  stop(): Promise<void>;
}

const checkout = fileURLToPath(new URL("../..", import.meta.url));
const outputBytesMax = 64 * 1024 * 1024;
const startMs = 150_000;

const commands: Record<TestbedMode, readonly string[]> = {
  api: ["bash", "unshare", "ps", "setsid"],
  full: ["bash", "unshare", "ps", "setsid", "containerd", "ctr", "runc", "iptables", "ip"],
};

/** What the throw-away cluster needs besides itself, as Debian names it. */
export const testbedPackages = [
  "containerd",
  "runc",
  "containernetworking-plugins",
  "iptables",
  "iproute2",
  "procps",
];

/** Why there is no such cluster here; undefined when it can be had. */
export function testbedReason(mode: TestbedMode): string | undefined {
  if (process.env.ECHO_TEST_KUBECONFIG !== undefined)
    return existsSync(process.env.ECHO_TEST_KUBECONFIG)
      ? undefined
      : `ECHO_TEST_KUBECONFIG names ${process.env.ECHO_TEST_KUBECONFIG}, and there is no such file`;
  if (findScripts() === undefined)
    return "there is no cluster: set TBK8S_BIN to the folder of tbk8s, or ECHO_TEST_KUBECONFIG to a kubeconfig";
  if (process.platform !== "linux") return `the throw-away cluster runs on Linux only`;
  if (process.getuid?.() !== 0) return "the throw-away cluster needs root (namespaces, bridges)";
  const missing = commands[mode].filter(command => !isCommand(command));
  if (mode === "full" && !existsSync("/usr/lib/cni/bridge")) missing.push("/usr/lib/cni/bridge");
  return missing.length === 0
    ? undefined
    : `${missing.join(", ")} missing: apt-get install ${testbedPackages.join(" ")}`;
}

/** A describe of tests that need a cluster: without one they are skipped with the reason, and fail where CI=true. */
export function describeOnTestbed(mode: TestbedMode, name: string, body: () => void): void {
  const reason = testbedReason(mode);
  if (reason === undefined) {
    describe(name, body);
  } else if (process.env.CI === "true") {
    test(`${name}: a cluster is there`, () => {
      throw new Error(reason);
    });
  } else {
    process.stderr.write(`skipped: ${name}: ${reason}\n`);
    describe.skip(`${name} (${reason})`, body);
  }
}

/** Starts the throw-away cluster (it ends with this process at the latest), or connects to the other one. */
export async function startTestbed(
  mode: TestbedMode,
  options: TestbedOptions = {},
): Promise<Testbed> {
  const reason = testbedReason(mode);
  if (reason !== undefined) throw new Error(reason);
  const other = process.env.ECHO_TEST_KUBECONFIG;
  return other === undefined ? await startOwn(mode, options) : await connectOther(other, options);
}

async function startOwn(mode: TestbedMode, options: TestbedOptions): Promise<Testbed> {
  const { scripts, bin } = await findBinaries();
  // Unix sockets live in it, so its path is short whatever the folder for temporary files is.
  const directory = mkdtempSync("/tmp/k8s-");
  const env = { ...environment(), ...toVariables(options), TBK8S_BIN: bin, TBK8S_DIR: directory };
  const script = (name: string, ...args: string[]) =>
    run(join(scripts, name), args, { env, timeout: startMs, maxBuffer: outputBytesMax });
  const { stdout } = await script("start.sh", mode);
  const kubeconfig = stdout.trim();
  const kubectl = createKubectl(join(bin, "kubectl"), kubeconfig);
  return {
    kubeconfig,
    directory,
    kubectl,
    loadImage: async path => {
      await script("image.sh", resolve(path));
    },
    createNamespace: createNamespaces(kubectl).create,
    switchNode: async (verb, index) => {
      await script("node.sh", verb, String(index));
    },
    stop: async () => {
      await script("stop.sh");
    },
  };
}

async function connectOther(kubeconfig: string, options: TestbedOptions): Promise<Testbed> {
  const kubectl = createKubectl(await findKubectl(), kubeconfig);
  const namespaces = createNamespaces(kubectl);
  const loadImage = async (path: string) => {
    const loader = process.env.ECHO_TEST_IMAGE_LOADER;
    if (loader === undefined)
      throw new Error(
        "ECHO_TEST_IMAGE_LOADER is missing: a command that brings an archive to the nodes, such as `kind load image-archive`",
      );
    await run("sh", ["-c", `${loader} "$0"`, resolve(path)], { env: process.env });
  };
  for (const image of options.images ?? []) await loadImage(image);
  return {
    kubeconfig,
    directory: undefined,
    kubectl,
    loadImage,
    createNamespace: namespaces.create,
    switchNode: () => Promise.reject(new Error("nodes of another cluster are left alone")),
    stop: namespaces.removeAll,
  };
}

function toVariables(options: TestbedOptions): Record<string, string> {
  const all = {
    TBK8S_NODES: options.nodes?.toString(),
    TBK8S_IMAGES: options.images?.map(path => resolve(path)).join(" "),
    TBK8S_METRICS: options.metrics === true ? "1" : undefined,
    TBK8S_APISERVER_ARGS: options.apiServerArguments,
    TBK8S_KCM_ARGS: options.controllerArguments,
    TBK8S_FEATURE_GATES: options.featureGates,
    TBK8S_OWNER: String(process.pid),
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

function createKubectl(binary: string, kubeconfig: string): Testbed["kubectl"] {
  return async (args, input) => {
    const running = run(binary, ["--kubeconfig", kubeconfig, ...args], {
      maxBuffer: outputBytesMax,
      env: environment(),
    });
    running.child.stdin?.end(input ?? "");
    return (await running).stdout;
  };
}

function createNamespaces(kubectl: Testbed["kubectl"]) {
  const created: string[] = [];
  return {
    create: async (prefix = "test", labels: Record<string, string> = {}) => {
      const object = {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { generateName: `${prefix}-`, labels },
      };
      const args = ["create", "-f", "-", "-o", "jsonpath={.metadata.name}"];
      const name = (await kubectl(args, JSON.stringify(object))).trim();
      created.push(name);
      return name;
    },
    removeAll: async () => {
      if (created.length > 0)
        await kubectl(["delete", "namespace", "--wait=false", ...created.splice(0)]);
    },
  };
}

/** Where start.sh and its companions are. */
function findScripts(): string | undefined {
  const bin = process.env.TBK8S_BIN;
  const beside = bin === undefined ? [] : [join(bin, "scripts"), join(dirname(bin), "scripts")];
  return [...beside, join(checkout, "../shared/testbed/scripts")].find(folder =>
    existsSync(join(folder, "start.sh")),
  );
}

async function findBinaries(): Promise<{ scripts: string; bin: string }> {
  const scripts = findScripts() ?? "";
  const given = process.env.TBK8S_BIN;
  if (given !== undefined && existsSync(join(given, "tbk8s"))) return { scripts, bin: given };
  const { stdout } = await run(join(scripts, "unpack.sh"), { env: environment() });
  return { scripts, bin: stdout.trim() };
}

async function findKubectl(): Promise<string> {
  return isCommand("kubectl") ? "kubectl" : join((await findBinaries()).bin, "kubectl");
}

/** The scripts may need Node to unpack: this one. */
function environment(): NodeJS.ProcessEnv {
  const path = [dirname(process.execPath), process.env.PATH ?? "", "/usr/sbin", "/sbin"];
  return { ...process.env, PATH: path.join(delimiter) };
}

function isCommand(name: string): boolean {
  const folders = (environment().PATH ?? "").split(delimiter).filter(Boolean);
  return folders.some(folder => existsSync(join(folder, name)));
}
