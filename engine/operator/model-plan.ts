/** From a Model resource to its plan: the very planModel that stacks use, after what only a cluster knows was looked at. */
import { type FieldProblem, toFieldProblems } from "../contract/config.ts";
import { EngineError } from "../contract/errors.ts";
import {
  fieldManagers,
  type KubernetesObject,
  modelResource,
  type OwnerReference,
} from "../contract/kubernetes.ts";
import { ModelSpec } from "../contract/model.ts";
import type { ConditionReason } from "../contract/model-status.ts";
import type { Platform } from "../contract/platform.ts";
import { parseSource } from "../contract/source.ts";
import { planModel } from "../manifests/model.ts";
import type { ModelPlan } from "../manifests/plan.ts";
import { weightsKind } from "../manifests/weights.ts";
import type { FactsReading } from "../models/facts.ts";
import type { Problem } from "./observed.ts";

export interface PlannedModel {
  plan: ModelPlan;
  /** With the owner. */
  objects: KubernetesObject[];
  reading: FactsReading | undefined;
  waitsFor: Problem | undefined;
}

export interface PlanModelOptions {
  platform: Platform;
  version: string;
  readFacts: (source: string, token: string | undefined) => Promise<FactsReading>;
  /** A Secret's value in the platform's namespace; undefined where there is none. */
  readSecret: (name: string, key: string) => Promise<string | undefined>;
}

/** The specification of a resource: its name is the model's, and the scale's field is none of a model's. */
export function specOf(model: KubernetesObject): ModelSpec | FieldProblem[] {
  const { replicas, ...rest } = (model.spec ?? {}) as { replicas?: Record<string, unknown> };
  const { current: _, ...range } = replicas ?? {};
  const given = {
    ...rest,
    name: model.metadata.name,
    ...(replicas === undefined ? {} : { replicas: range }),
  };
  const parsed = ModelSpec.safeParse(given);
  return parsed.success ? parsed.data : toFieldProblems(parsed.error);
}

export function toInvalid(problems: readonly FieldProblem[]): Problem {
  const message = problems.map(({ field, message }) => `${field}: ${message}`).join("; ");
  return { reason: "InvalidSpec", message: `The specification is wrong: ${message}.` };
}

/** @throws EngineError when the model cannot be planned */
export async function planResource(
  model: KubernetesObject,
  spec: ModelSpec,
  options: PlanModelOptions,
): Promise<PlannedModel> {
  const { platform, version } = options;
  const isElsewhere = weightsKind(spec) === "elsewhere";
  const secret = isElsewhere ? undefined : await readToken(spec, options);
  const token = secret?.token;
  const read = (source: string) =>
    options.readFacts(source, takesToken(source) ? token : undefined);
  const reading = isElsewhere ? undefined : await read(spec.source);
  const canary = spec.canary && (await read(spec.canary.source));
  const plan = planModel({
    spec,
    platform,
    shape: reading?.shape,
    canaryShape: canary?.shape,
    version,
    managedBy: fieldManagers.operator,
  });
  const owner = toOwner(model);
  return {
    plan,
    reading,
    objects: plan.objects.map(object => ({
      ...object,
      metadata: { ...object.metadata, ownerReferences: [owner] },
    })),
    waitsFor: secret?.problem ?? toUnreachable(spec.source, reading),
  };
}

function toOwner({ metadata: { name, uid = "" } }: KubernetesObject): OwnerReference {
  return {
    apiVersion: modelResource.apiVersion,
    kind: modelResource.kind,
    name,
    uid,
    controller: true,
  };
}

/** The hub alone: whoever may write a Model must not have any Secret of the namespace sent to a server of his own. */
function takesToken(source: string): boolean {
  return parseSource(source).scheme === "hf";
}

async function readToken(
  { source, sourceSecret }: ModelSpec,
  { readSecret }: PlanModelOptions,
): Promise<{ token?: string; problem?: Problem }> {
  if (sourceSecret === undefined || !takesToken(source)) return {};
  const { name, key } = sourceSecret;
  const token = await readSecret(name, key);
  if (token !== undefined) return { token: token.trim() };
  const message = `There is no Secret ${name} with the key ${key} in the model's namespace. Create it.`;
  return { problem: { reason: "SecretMissing", message } };
}

function toUnreachable(source: string, reading: FactsReading | undefined): Problem | undefined {
  const { scheme } = parseSource(source);
  const isRemote = scheme === "https" || scheme === "hf";
  if (!isRemote || reading === undefined || reading.shape !== undefined) return undefined;
  return {
    reason: "SourceUnreachable",
    message: `The header of ${source} could not be read: ${reading.reason ?? "no reason given"}. It is tried again.`,
  };
}

const reasons: Partial<Record<EngineError["code"], ConditionReason>> = {
  does_not_fit: "DoesNotFit",
  invalid_config: "InvalidSpec",
  invalid_model_file: "InvalidModelFile",
  forbidden: "SourceRefused",
  unauthorized: "SourceRefused",
};

/** Why a model cannot be planned, where that is the specification's fault. */
export function toPlanProblem(error: unknown): Problem | undefined {
  if (!(error instanceof EngineError)) return undefined;
  const reason = reasons[error.code];
  const field = error.field === undefined ? "" : ` (${error.field})`;
  return reason && { reason, message: `${error.message}${field} ${error.remedy}` };
}
