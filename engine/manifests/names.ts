/** Names and labels of every object, from the names of the model and of the installation alone: no plan waits for an output. */
import { createHash } from "node:crypto";
import { type ComponentName, labels } from "../contract/kubernetes.ts";
import type { Platform } from "../contract/platform.ts";

/** A Deployment's pods add 16 characters, and a host name has 63. */
const lengthMax = 47;
const digestLength = 8;

/** `base`, or where it is too long its beginning and a digest of all of it. */
export function objectName(base: string): string {
  return base.length <= lengthMax ? base : withDigest(base);
}

function withDigest(base: string, of = base): string {
  const digest = createHash("sha256").update(of).digest("hex").slice(0, digestLength);
  return `${base.slice(0, lengthMax - digestLength - 1).replace(/[-.]+$/, "")}-${digest}`;
}

export interface ModelNames {
  /** Of the workload and of all that belongs to the model. */
  main: string;
  /** Of the canary's workload and Service. */
  canary: string;
}

/** A model that is itself called `…-canary` must not take the name of another's canary, so it has a digest. */
export function modelNames(model: string): ModelNames {
  const base = `model-${model}`;
  return {
    main: model.endsWith("-canary") ? withDigest(base, `${base} itself`) : objectName(base),
    canary: objectName(`${base}-canary`),
  };
}

/** Of the objects that serve all models; each name is the role's in that kind. */
export function installationNames(installation: string) {
  const of = (role: string) => objectName(`${installation}-${role}`);
  return {
    /** The Service that clients know. */
    service: objectName(installation),
    gateway: of("gateway"),
    operator: of("operator"),
    postgres: of("postgres"),
    valkey: of("valkey"),
    /** The volume that all models with `storage.tier: shared` have together. */
    weights: of("weights"),
    /** The volume of the embedded database. */
    memory: of("memory"),
    denyAll: of("default-deny"),
    /** Secret with a key for each external endpoint, by the key's name. */
    endpoints: of("endpoints"),
    /** Secret with the key `key` that gateways show to workers; none = the network alone. */
    workerKey: of("worker-key"),
    /** Secret with the key `key` by which monitoring reads a gateway's metrics. */
    metricsKey: of("metrics-key"),
    scalerLease: of("scaler"),
    /** ConfigMap with the keys that were made on the cluster. */
    keys: of("keys"),
  };
}

export interface LabelOptions {
  component: ComponentName;
  version: string;
  managedBy: string;
  model?: string | undefined;
}

/** Labels by which selectors find pods; they never change during an object's life. */
export function selectorLabels(
  platform: Platform,
  component: ComponentName,
  model?: string,
): Record<string, string> {
  return {
    [labels.name]: "echorator",
    [labels.instance]: platform.installation,
    [labels.component]: component,
    ...(model === undefined ? {} : { [labels.model]: model }),
  };
}

/** Labels of the objects themselves. A pod template has the selector's alone, so that a new version rolls by its image. */
export function objectLabels(platform: Platform, options: LabelOptions): Record<string, string> {
  return {
    ...selectorLabels(platform, options.component, options.model),
    [labels.partOf]: "echorator",
    [labels.version]: toLabelValue(options.version),
    [labels.managedBy]: toLabelValue(options.managedBy),
  };
}

/** Letters, digits, dashes, underscores and dots, at most 63, with a letter or digit at both ends. */
function toLabelValue(text: string): string {
  return text
    .replace(/[^A-Za-z0-9._-]/g, "-")
    .slice(0, 63)
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
}
