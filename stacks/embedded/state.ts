/** A stack's state on disk, in the layout and the checkpoint form of Pulumi's file backend. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "../../components/local/atomic-file.ts";
import { EngineError } from "../../engine/contract/errors.ts";
import type { PendingOperation, ResourceState } from "./resource.ts";
import type { Secrets } from "./secrets.ts";
import {
  isSecret,
  mapValue,
  type Properties,
  toCiphertext,
  toSecret,
  type Value,
} from "./values.ts";

export interface StackState {
  resources: ResourceState[];
  pendingOperations: PendingOperation[];
}

interface Checkpoint {
  version: number;
  checkpoint: {
    stack: string;
    latest?: {
      manifest: { time: string; magic: string; version: string };
      secrets_providers?: { type: string; state?: { salt?: string } };
      resources?: ResourceState[];
      pending_operations?: PendingOperation[];
      metadata?: object;
    };
  };
}

export interface StateFile {
  /** The salt of the secrets in the file; undefined before the first deployment. */
  salt: string | undefined;
  read(secrets: Secrets): StackState;
  write(state: StackState, secrets: Secrets): void;
  lockFolder: string;
}

const checkpointVersion = 3;

/** Where the file backend at `folder` keeps the stack. */
export function openState(
  folder: string,
  project: string,
  stack: string,
  engineVersion: string,
): StateFile {
  const root = join(folder, ".pulumi");
  const path = join(root, "stacks", project, `${stack}.json`);
  const qualified = `organization/${project}/${stack}`;
  const saved = loadCheckpoint(path);
  return {
    salt: saved?.checkpoint.latest?.secrets_providers?.state?.salt,
    lockFolder: join(root, "locks", "organization", project, stack),
    read: secrets => toState(loadCheckpoint(path), secrets),
    write: (state, secrets) => {
      writeMeta(root);
      writeFileAtomically(
        path,
        `${JSON.stringify(toCheckpoint(state, secrets, qualified, engineVersion))}\n`,
      );
    },
  };
}

function loadCheckpoint(path: string): Checkpoint | undefined {
  if (!existsSync(path)) {
    const packed = [".gz", ".zst"].map(end => path + end).find(existsSync);
    if (packed === undefined) return undefined;
    throw new EngineError("unsupported", `the state ${packed} is compressed`, {
      remedy: "Deploy it with the Pulumi CLI, or unpack it beside itself.",
    });
  }
  const checkpoint = parseCheckpoint(path);
  if (checkpoint.version === checkpointVersion) return checkpoint;
  throw new EngineError(
    "unsupported",
    `the state ${path} has version ${checkpoint.version}, and this engine knows ${checkpointVersion}`,
    { remedy: "Deploy this stack with the Pulumi CLI that wrote it." },
  );
}

function parseCheckpoint(path: string): Checkpoint {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Checkpoint;
  } catch (cause) {
    const remedy = "Put back a copy of the file; without it, `npm run up` cannot know what exists.";
    const message = `the state ${path} cannot be read: ${cause instanceof Error ? cause.message : cause}`;
    throw new EngineError("internal", message, { remedy, cause });
  }
}

function toState(saved: Checkpoint | undefined, secrets: Secrets): StackState {
  const latest = saved?.checkpoint.latest;
  const open = (resource: ResourceState): ResourceState =>
    withProperties(resource, unseal(secrets));
  return {
    resources: (latest?.resources ?? []).map(open),
    pendingOperations: (latest?.pending_operations ?? []).map(operation => ({
      ...operation,
      resource: open(operation.resource),
    })),
  };
}

function toCheckpoint(
  state: StackState,
  secrets: Secrets,
  stack: string,
  version: string,
): Checkpoint {
  const close = (resource: ResourceState): ResourceState => withProperties(resource, seal(secrets));
  const pending = state.pendingOperations.map(operation => ({
    resource: close(operation.resource),
    type: operation.type,
  }));
  // Pulumi refuses a state whose magic word is not made of its version.
  const magic = version === "" ? "" : createHash("sha256").update(version).digest("hex");
  return {
    version: checkpointVersion,
    checkpoint: {
      stack,
      latest: {
        manifest: { time: new Date().toISOString(), magic, version },
        secrets_providers: { type: "passphrase", state: { salt: secrets.salt } },
        ...(state.resources.length === 0 ? {} : { resources: state.resources.map(close) }),
        ...(pending.length === 0 ? {} : { pending_operations: pending }),
        metadata: {},
      },
    },
  };
}

function withProperties(
  resource: ResourceState,
  change: (properties: Properties) => Properties,
): ResourceState {
  return {
    ...resource,
    ...(resource.inputs === undefined ? {} : { inputs: change(resource.inputs) }),
    ...(resource.outputs === undefined ? {} : { outputs: change(resource.outputs) }),
  };
}

function seal(secrets: Secrets): (properties: Properties) => Properties {
  const change = (value: Value): Value =>
    isSecret(value) ? toCiphertext(secrets.encrypt(JSON.stringify(value.value ?? null))) : value;
  return properties => mapEach(properties, change);
}

function unseal(secrets: Secrets): (properties: Properties) => Properties {
  const change = (value: Value): Value => {
    if (!isSecret(value) || typeof value.ciphertext !== "string") return value;
    return toSecret(JSON.parse(secrets.decrypt(value.ciphertext)) as Value);
  };
  return properties => mapEach(properties, change);
}

function mapEach(properties: Properties, change: (value: Value) => Value): Properties {
  const entries = Object.entries(properties);
  return Object.fromEntries(entries.map(([key, value]) => [key, mapValue(value, change)]));
}

function writeMeta(root: string): void {
  const path = join(root, "meta.yaml");
  if (!existsSync(path)) writeFileAtomically(path, "version: 1\n");
}
