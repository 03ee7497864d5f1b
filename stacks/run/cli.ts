/** The real Pulumi CLI: whether it is here and new enough, and running it. */
import { execFileSync, spawn } from "node:child_process";

type Environment = Record<string, string | undefined>;

/** Reads options from PULUMI_OPTION_… and knows `typescript: false` and plugins in Pulumi.yaml. */
export const minimumVersion = [3, 200, 0] as const;

export type FoundCli =
  | { kind: "usable"; version: string }
  | { kind: "old"; version: string }
  | { kind: "absent" };

export function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.replace(/^v/, "").split(/[.-]/).map(Number);
  const [wantedMajor, wantedMinor, wantedPatch] = minimumVersion;
  if (major !== wantedMajor) return major > wantedMajor;
  return minor === wantedMinor ? patch >= wantedPatch : minor > wantedMinor;
}

export function findCli(environment: Environment): FoundCli {
  try {
    const version = execFileSync("pulumi", ["version"], {
      encoding: "utf8",
      env: { ...environment, PULUMI_SKIP_UPDATE_CHECK: "true" },
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 20_000,
    }).trim();
    return { kind: isNewEnough(version) ? "usable" : "old", version };
  } catch {
    return { kind: "absent" };
  }
}

/** Runs the CLI on this terminal and answers with its exit code; a Ctrl-C reaches it once. */
export function runCli(
  args: string[],
  options: { root: string; environment: Environment; signal: AbortSignal },
): Promise<number> {
  const child = spawn("pulumi", args, {
    cwd: options.root,
    detached: true,
    env: { ...options.environment, PULUMI_SKIP_UPDATE_CHECK: "true" },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const interrupt = (): void => void child.kill("SIGINT");
  options.signal.addEventListener("abort", interrupt, { once: true });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", code => {
      options.signal.removeEventListener("abort", interrupt);
      resolve(code ?? 1);
    });
  });
}

/** What a command of the CLI says on its standard output. */
export function askCli(
  args: string[],
  options: { root: string; environment: Environment },
): string {
  return execFileSync("pulumi", args, {
    cwd: options.root,
    encoding: "utf8",
    env: { ...options.environment, PULUMI_SKIP_UPDATE_CHECK: "true" },
    stdio: ["ignore", "pipe", "pipe"],
  });
}
