/** A plan for whoever reads it: a table of the models, what is foretold of each, and everything that speaks against it. */
import type { ModelSpec } from "../../engine/contract/model.ts";
import { sayBytes } from "../../engine/manifests/quantity.ts";
import { type Judgement, sayAdvice, sayViolation } from "./judgement.ts";
import { neededSecrets } from "./needed-secrets.ts";
import { allObjects, type ClusterPlan, type PlannedModel } from "./plan.ts";

export interface PlanHead {
  stack: string;
  namespace: string;
}

/** The same for programs; every number in bytes, seconds or tokens. */
export function toPlanData(plan: ClusterPlan, head: PlanHead, { broken, advice }: Judgement) {
  return {
    ...head,
    objects: allObjects(plan).length,
    models: plan.models.map(({ spec, reading, plan: own, warnings }) => ({
      name: spec.name,
      source: spec.source,
      replicas: replicasOf(spec),
      facts: reading.facts,
      prediction: own.prediction,
      objects: own.objects.length,
      warnings,
    })),
    refused: plan.refused.map(({ spec, path, error }) => ({
      name: spec.name,
      path,
      ...error.toJSON(),
    })),
    broken,
    advice,
    secrets: neededSecrets(allObjects(plan)),
  };
}

export function renderPlan(
  plan: ClusterPlan,
  head: PlanHead,
  judgement: Judgement,
  isAll: boolean,
): string {
  const { stack, namespace } = head;
  const count = allObjects(plan).length;
  const lines = [
    `stack ${stack}: ${plural(plan.models.length, "model")}, ${plural(count, "object")} in namespace ${namespace}`,
  ];
  if (plan.models.length > 0) lines.push("", ...renderTable([columns, ...plan.models.map(toRow)]));
  lines.push(...section("Warnings", plan.models.flatMap(toWarnings)));
  lines.push(...section("Advice", sayAdvice(judgement, isAll)));
  lines.push(...section("Secrets to be made", neededSecrets(allObjects(plan)).map(toSecretLine)));
  lines.push(
    ...section("Refused: nothing is created until this is mended", plan.refused.map(toRefusal)),
  );
  lines.push(
    ...section(
      "Rules broken: nothing is created until this is mended",
      judgement.broken.map(sayViolation),
    ),
  );
  return `${lines.join("\n")}\n`;
}

const columns = [
  ...["model", "weights", "parameters", "replicas", "memory a pod", "context", "slots", "volume"],
  ...["start-up", "source"],
];

function toRow({ spec, reading, plan }: PlannedModel): string[] {
  const { prediction } = plan;
  const { facts } = reading;
  return [
    spec.name,
    prediction === undefined ? "unknown" : sayBytes(prediction.weightsBytes),
    facts === undefined ? "–" : `${toShort(facts.parameters)} ${facts.quantization}`,
    sayReplicas(spec),
    prediction === undefined ? "declared" : sayBytes(prediction.memoryBytes),
    String(prediction?.contextTokens ?? spec.context ?? "–"),
    String(spec.slots),
    prediction === undefined || prediction.volumeBytes === 0
      ? "–"
      : sayBytes(prediction.volumeBytes),
    prediction === undefined
      ? "–"
      : `${toSeconds(prediction.fetchSeconds + prediction.loadSeconds)}`,
    spec.source,
  ];
}

function replicasOf({ replicas }: ModelSpec): { min: number; max: number } {
  return replicas ?? { min: 1, max: 1 };
}

function sayReplicas(spec: ModelSpec): string {
  const { min, max } = replicasOf(spec);
  return min === max ? String(min) : `${min}–${max}`;
}

function toShort(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toPrecision(3)}B`;
  return count >= 1e6 ? `${(count / 1e6).toPrecision(3)}M` : `${Math.round(count / 1e3)}k`;
}

function toSeconds(seconds: number): string {
  return seconds < 120 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}

function toWarnings({ spec, warnings }: PlannedModel): string[] {
  return warnings.map(warning => `${spec.name}: ${warning}`);
}

function toSecretLine({
  name,
  keys,
  isOptional,
}: ReturnType<typeof neededSecrets>[number]): string {
  const what = keys.length === 0 ? "any key" : `key ${keys.join(", ")}`;
  return `${name} (${what})${isOptional ? ", if wanted" : ""}`;
}

function toRefusal({ path, error }: ClusterPlan["refused"][number]): string {
  return `${path}: ${error.message} ${error.remedy}`;
}

function section(title: string, lines: string[]): string[] {
  return lines.length === 0 ? [] : ["", `${title}:`, ...lines.map(line => `  ${line}`)];
}

function renderTable(rows: string[][]): string[] {
  const widths = columns.map((_, at) => Math.max(...rows.map(row => row[at]?.length ?? 0)));
  return rows.map(row =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
