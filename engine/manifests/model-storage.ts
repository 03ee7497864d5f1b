/** Where the pods of a model have their weights: volumes, mounts and claims of each storage tier. */
import { EngineError } from "../contract/errors.ts";
import { mountPaths } from "../contract/kubernetes.ts";
import type { ModelSpec } from "../contract/model.ts";
import type { ModelShape, Platform, Prediction } from "../contract/platform.ts";
import { parseSource } from "../contract/source.ts";
import { installationNames } from "./names.ts";
import type { Draft } from "./objects.ts";
import { mebibyte, parseQuantity, toMebibytes } from "./quantity.ts";
import { weightsKind } from "./weights.ts";

export interface WeightStorage {
  volumes: Draft[];
  mounts: Draft[];
  /** Claims that each replica has for itself; with them the workload is a StatefulSet. */
  claimTemplates: Draft[];
  /** On the node's own disk, for the scheduler. */
  ephemeralBytes: number;
  warnings: string[];
}

/** Of fetched weights whose header could not be read. */
const unknownVolumeBytes = 20 * 1024 * mebibyte;
const homeBytes = 256 * mebibyte;
const temporaryBytes = 64 * mebibyte;

const nothing: WeightStorage = {
  volumes: [],
  mounts: [],
  claimTemplates: [],
  ephemeralBytes: 0,
  warnings: [],
};

/** @throws EngineError invalid_config when the platform has not what the tier needs */
export function planStorage(
  spec: ModelSpec,
  platform: Platform,
  prediction: Prediction | undefined,
): WeightStorage {
  const weights = planWeights(spec, platform, prediction);
  const home = homeBytes + temporaryBytes;
  return {
    ...weights,
    volumes: [
      { name: "home", emptyDir: { sizeLimit: toMebibytes(homeBytes) } },
      { name: "temporary", emptyDir: { sizeLimit: toMebibytes(temporaryBytes) } },
      ...weights.volumes,
    ],
    mounts: [
      { name: "home", mountPath: mountPaths.home },
      { name: "temporary", mountPath: "/tmp" },
      ...weights.mounts,
    ],
    ephemeralBytes: weights.ephemeralBytes + home,
  };
}

function planWeights(
  spec: ModelSpec,
  platform: Platform,
  prediction: Prediction | undefined,
): WeightStorage {
  const kind = weightsKind(spec);
  if (kind === "claim") return withWarnings(mountClaim(spec), unusedStorage(spec));
  if (spec.storage?.tier === "image") return mountImage(spec, platform);
  if (kind !== "fetched") return withWarnings(nothing, unusedStorage(spec));
  const bytes = volumeBytes(spec, prediction);
  switch (spec.storage?.tier ?? "ephemeral") {
    case "shared":
      return mountShared(spec, platform);
    case "node":
      return claimEach(bytes, classOf(spec, platform, "node"));
    case "own":
      return claimEach(bytes, spec.storage?.class ?? platform.storage.own);
    default:
      return ephemeral(spec, bytes);
  }
}

function volumeBytes(spec: ModelSpec, prediction: Prediction | undefined): number {
  const declared = spec.storage?.size;
  if (declared !== undefined) return parseQuantity(declared);
  return prediction?.volumeBytes ?? unknownVolumeBytes;
}

function ephemeral(spec: ModelSpec, bytes: number): WeightStorage {
  const noClass =
    spec.storage?.class === undefined
      ? []
      : ["`storage.class` has no effect: the tier `ephemeral` has no claim."];
  return {
    ...nothing,
    volumes: [{ name: "weights", emptyDir: { sizeLimit: toMebibytes(bytes) } }],
    mounts: [{ name: "weights", mountPath: mountPaths.weights }],
    ephemeralBytes: bytes,
    warnings: noClass,
  };
}

/** Each model has its own folder on the installation's volume: no model's worker can write another's weights. */
function mountShared(spec: ModelSpec, platform: Platform): WeightStorage {
  if (platform.storage.shared === undefined)
    throw lacks("shared", "`storage.shared` with a class that can ReadWriteMany");
  const unused = (["size", "class"] as const)
    .filter(field => spec.storage?.[field] !== undefined)
    .map(
      field => `\`storage.${field}\` has no effect: the tier \`shared\` has one volume for all.`,
    );
  const claimName = installationNames(platform.installation).weights;
  return {
    ...nothing,
    volumes: [{ name: "weights", persistentVolumeClaim: { claimName } }],
    mounts: [{ name: "weights", mountPath: mountPaths.weights, subPath: spec.name }],
    warnings: unused,
  };
}

function classOf(spec: ModelSpec, platform: Platform, tier: "node"): string {
  const name = spec.storage?.class ?? platform.storage[tier];
  if (name !== undefined) return name;
  throw lacks(tier, `\`storage.${tier}\` with a class of node-local volumes`);
}

function claimEach(bytes: number, storageClassName: string | undefined): WeightStorage {
  return {
    ...nothing,
    mounts: [{ name: "weights", mountPath: mountPaths.weights }],
    claimTemplates: [
      {
        metadata: { name: "weights" },
        spec: {
          accessModes: ["ReadWriteOnce"],
          storageClassName,
          resources: { requests: { storage: toMebibytes(bytes) } },
        },
      },
    ],
  };
}

/** Claims that the sources of the model, its canary and its adapters name: one mount, so one claim. */
function mountClaim(spec: ModelSpec): WeightStorage {
  const claims = [spec.source, spec.canary?.source, ...(spec.adapters ?? []).map(a => a.source)]
    .filter(source => source !== undefined)
    .map(parseSource)
    .flatMap(source => (source.scheme === "pvc" ? [source.claim] : []));
  const [claimName, other] = [...new Set(claims)];
  if (other !== undefined)
    throw new EngineError(
      "invalid_config",
      `"${spec.name}" has its weights on two claims, ${claimName} and ${other}.`,
      { field: "source", remedy: "Put the files on one claim." },
    );
  return {
    ...nothing,
    volumes: [{ name: "models", persistentVolumeClaim: { claimName, readOnly: true } }],
    mounts: [{ name: "models", mountPath: mountPaths.models, readOnly: true }],
  };
}

function mountImage(spec: ModelSpec, platform: Platform): WeightStorage {
  const source = parseSource(spec.source);
  const reference = spec.storage?.image;
  if (!platform.imageVolumes)
    throw lacks("image", "`imageVolumes: true`, where the servers have them");
  if (reference === undefined || !/@sha256:[0-9a-f]{64}$/.test(reference))
    throw new EngineError(
      "invalid_config",
      `"${spec.name}" keeps its weights in an image and names none by its digest.`,
      { field: "storage.image", remedy: "Write `storage.image: registry/name@sha256:…`." },
    );
  if (source.scheme !== "file" || !source.path.startsWith(`${mountPaths.models}/`))
    throw new EngineError(
      "invalid_config",
      `The image of "${spec.name}" is mounted at ${mountPaths.models}, and its source is ${spec.source}.`,
      {
        field: "source",
        remedy: `Write \`file://${mountPaths.models}/\` and the path in the image.`,
      },
    );
  return {
    ...nothing,
    volumes: [{ name: "models", image: { reference, pullPolicy: "IfNotPresent" } }],
    mounts: [{ name: "models", mountPath: mountPaths.models, readOnly: true }],
    warnings: (["size", "class"] as const)
      .filter(field => spec.storage?.[field] !== undefined)
      .map(field => `\`storage.${field}\` has no effect: an image has its own size.`),
  };
}

function unusedStorage(spec: ModelSpec): string[] {
  return spec.storage === undefined
    ? []
    : ["`storage` has no effect: nothing is fetched from this source."];
}

function withWarnings(storage: WeightStorage, warnings: string[]): WeightStorage {
  return { ...storage, warnings: [...storage.warnings, ...warnings] };
}

function lacks(tier: string, what: string): EngineError {
  return new EngineError("invalid_config", `The platform has no storage of the tier \`${tier}\`.`, {
    field: "storage.tier",
    remedy: `Declare ${what} in the platform, or choose another tier.`,
  });
}

/** Whether anything of a model's header would help the plan. */
export function needsShape(spec: ModelSpec, shape: ModelShape | undefined): boolean {
  return shape === undefined && weightsKind(spec) !== "elsewhere";
}
