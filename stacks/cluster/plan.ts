/** All that a stack with `target: kubernetes` becomes: the same plan for Pulumi, for rendered YAML and for whoever asks beforehand. */
import { EngineError } from "../../engine/contract/errors.ts";
import type { KubernetesObject } from "../../engine/contract/kubernetes.ts";
import type { ModelSpec } from "../../engine/contract/model.ts";
import { planInstallation } from "../../engine/manifests/installation.ts";
import { planModel } from "../../engine/manifests/model.ts";
import type { ModelPlan } from "../../engine/manifests/plan.ts";
import type { FactsReading } from "../../engine/models/facts.ts";
import type { ClusterStack } from "../parse-config.ts";
import type { Readings } from "./readings.ts";

/** One label for all ways of a stack, so that going over from one to the other changes nothing. */
const managedBy = "echorator-stack";

export interface PlannedModel {
  spec: ModelSpec;
  reading: FactsReading;
  plan: ModelPlan;
  /** Everything that its reader should know. */
  warnings: string[];
}

export interface RefusedModel {
  spec: ModelSpec;
  /** As the stack file has it: `echorator:models[1].context`. */
  path: string;
  error: EngineError;
}

export interface ClusterPlan {
  installation: KubernetesObject[];
  operator: KubernetesObject[];
  models: PlannedModel[];
  /** Models that cannot be, each with why; where there is one nothing is created. */
  refused: RefusedModel[];
}

export interface ClusterPlanOptions {
  stack: ClusterStack;
  readings: Readings;
  version: string;
  /** Whether the operator for Model resources is wanted as well. */
  withOperator: boolean;
}

export function planCluster(options: ClusterPlanOptions): ClusterPlan {
  const { stack, version, withOperator } = options;
  if (withOperator) throw noOperator();
  const { engine, platform } = stack;
  const { keys, memory, inference, log, auth } = engine;
  const settings = { keys, memory, inference, log, auth };
  const outcomes = engine.models.map((spec, index) => planOne(options, spec, index));
  return {
    installation: planInstallation({ platform, settings, version, managedBy }),
    operator: [],
    models: outcomes.filter(outcome => "plan" in outcome),
    refused: outcomes.filter(outcome => "error" in outcome),
  };
}

function noOperator(): EngineError {
  return new EngineError("unsupported", "the operator is not part of a stack's plan yet", {
    remedy: "Leave --operator out.",
  });
}

function planOne(
  { stack, readings, version }: ClusterPlanOptions,
  spec: ModelSpec,
  index: number,
): PlannedModel | RefusedModel {
  try {
    const reading = readingOf(readings, spec.source);
    const canary = spec.canary && readingOf(readings, spec.canary.source);
    const { platform } = stack;
    const shapes = { shape: reading.shape, canaryShape: canary?.shape };
    const plan = planModel({ spec, platform, ...shapes, version, managedBy });
    return { spec, reading, plan, warnings: toWarnings(spec, [reading, canary], plan) };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { spec, path: toPath(error.field, index), error };
  }
}

function toPath(field: string | undefined, index: number): string {
  const model = `echorator:models[${index}]`;
  if (field === undefined || field === "") return model;
  return field.startsWith("platform") ? `echorator:${field}` : `${model}.${field}`;
}

function readingOf(readings: Readings, source: string): FactsReading {
  const reading = readings.get(source);
  if (reading instanceof EngineError) throw reading;
  if (reading !== undefined) return reading;
  return { shape: undefined, facts: undefined, sha256: undefined, reason: "it was not read" };
}

function toWarnings(
  { source, canary }: ModelSpec,
  readings: (FactsReading | undefined)[],
  plan: ModelPlan,
): string[] {
  const sources = [source, canary?.source];
  const unread = readings.flatMap((reading, at) =>
    reading?.reason === undefined || sources[at]?.startsWith("openai:")
      ? []
      : [`${sources[at]}: ${reading.reason}.`],
  );
  return [...unread, ...plan.warnings];
}

/** Objects in an order in which they can be created. */
export function allObjects(plan: ClusterPlan): KubernetesObject[] {
  return [
    ...plan.installation,
    ...plan.operator,
    ...plan.models.flatMap(model => model.plan.objects),
  ];
}

/** One sentence a line of what is wrong, as the stack file's author can mend it. */
export function describeRefusals(refused: readonly RefusedModel[]): string {
  return refused
    .map(({ path, error }) => `  ${path}: ${error.message} ${error.remedy}`.trimEnd())
    .join("\n");
}
