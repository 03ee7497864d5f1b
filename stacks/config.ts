/** What the deployment engine and the environment say to the program; read here and nowhere else. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { RunError, runtime } from "@pulumi/pulumi";
import {
  describeProblems,
  fieldsOfStack,
  parseStackConfig,
  type StackConfig,
} from "./parse-config.ts";

export interface GivenConfig {
  config: StackConfig;
  /** Top-level fields that hold a secret, and so are secrets as a whole. */
  secretFields: ReadonlySet<string>;
}

/** Reads what the deployment engine handed to this program. */
export function readStackConfig(stack: string): GivenConfig {
  const result = parseStackConfig(runtime.allConfig());
  if ("problems" in result) throw new RunError(describeProblems(result.problems, stack));
  const keys = readSecretKeys();
  return { config: result, secretFields: new Set(fieldsOfStack(keys)) };
}

/** The deployment engine names the secret keys beside their values; the SDK's types have no reader for them. */
function readSecretKeys(): string[] {
  return JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS || "[]") as string[];
}

/** The folder that everything kept is under. */
export function readHome(): string {
  const home = process.env.ECHORATOR_HOME;
  return home === undefined || home === "" ? join(homedir(), ".echorator") : resolve(home);
}

/** The file that says where clusters are, as kubectl finds it; the first of several. */
export function readKubeconfig(): string {
  const [first] = (process.env.KUBECONFIG ?? "").split(":").filter(path => path !== "");
  return first === undefined ? join(homedir(), ".kube", "config") : resolve(first);
}

/** The Hugging Face hub, or a mirror of it. */
export function readHub(): { endpoint: string; token: string | undefined } {
  const { HF_ENDPOINT: endpoint, HF_TOKEN: token } = process.env;
  return { endpoint: endpoint || "https://huggingface.co", token: token || undefined };
}
