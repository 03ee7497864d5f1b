/** The home folder: everything that is kept, readable by its owner alone. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { homeLayout } from "../../engine/contract/endpoints.ts";
import { EngineError } from "../../engine/contract/errors.ts";

type Environment = Record<string, string | undefined>;

export interface Home {
  folder: string;
  /** URL of Pulumi's backend: the user's own, else a folder of the home. */
  backendUrl: string;
  /** Variables that tell Pulumi where the passphrase is. */
  passphraseVariables: Record<string, string>;
  passphrase: string;
}

/** @throws EngineError invalid_config when the folder cannot be made or written to */
export function openHome(environment: Environment): Home {
  const folder = resolve(environment.ECHORATOR_HOME || join(homedir(), ".echorator"));
  try {
    return openFolder(folder, environment);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new EngineError("invalid_config", `the home folder ${folder} cannot be used: ${why}`, {
      remedy: "Set ECHORATOR_HOME to a folder that you may write to, or mend that one.",
      cause: error,
    });
  }
}

function openFolder(folder: string, environment: Environment): Home {
  const pulumi = join(folder, homeLayout.pulumi);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  mkdirSync(pulumi, { recursive: true, mode: 0o700 });
  return {
    folder,
    backendUrl: environment.PULUMI_BACKEND_URL || pathToFileURL(pulumi).href,
    ...openPassphrase(folder, environment),
  };
}

/** The user's passphrase where the environment has one, else a generated one in the home. */
function openPassphrase(
  folder: string,
  environment: Environment,
): Pick<Home, "passphrase" | "passphraseVariables"> {
  const { PULUMI_CONFIG_PASSPHRASE: given, PULUMI_CONFIG_PASSPHRASE_FILE: named } = environment;
  if (given !== undefined) {
    return { passphrase: given, passphraseVariables: { PULUMI_CONFIG_PASSPHRASE: given } };
  }
  const path = named || join(folder, homeLayout.passphrase);
  if (!named && !existsSync(path)) {
    writeFileSync(path, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  }
  const passphrase = readFileSync(path, "utf8").trim();
  return { passphrase, passphraseVariables: { PULUMI_CONFIG_PASSPHRASE_FILE: path } };
}

/** The folder of a file backend; the embedded engine knows no other kind. */
export function backendFolder(url: string): string {
  if (url.startsWith("file://"))
    return fileURLToPath(url.replace(/^file:\/\/~/, `file://${homedir()}`));
  throw new EngineError(
    "unsupported",
    `the embedded deployment engine keeps state in files, and PULUMI_BACKEND_URL is ${url}`,
    {
      remedy:
        "Unset PULUMI_BACKEND_URL, or install the Pulumi CLI (https://www.pulumi.com/docs/install/).",
    },
  );
}

/** Removes weights, memory and the list of what clients pulled; what else is in the home stays. */
export function purge(folder: string): string[] {
  const names = [homeLayout.weights, homeLayout.memory, homeLayout.models];
  const paths = names.map(name => join(folder, name));
  const there = paths.filter(path => existsSync(path));
  for (const path of there) rmSync(path, { recursive: true, force: true });
  return there;
}
