/** What exists of a stack with `target: kubernetes`: planned whole first, so that what cannot be creates nothing. */
import { join } from "node:path";
import { log, RunError } from "@pulumi/pulumi";
import { ClusterModel } from "../components/cluster-model.ts";
import { ClusterPool } from "../components/cluster-pool.ts";
import { homeLayout } from "../engine/contract/endpoints.ts";
import { describeBroken, judge, sayAdvice } from "./cluster/judgement.ts";
import { allObjects, type ClusterPlan, describeRefusals, planCluster } from "./cluster/plan.ts";
import { readFacts } from "./cluster/readings.ts";
import { readHub, readKubeconfig } from "./config.ts";
import type { ClusterStack } from "./parse-config.ts";
import type { StackContext, StackOutputs } from "./stack.ts";
import { renderTryLine } from "./try-line.ts";

export async function createClusterStack(
  stack: ClusterStack,
  context: StackContext,
): Promise<StackOutputs> {
  const { home, version } = context;
  const { signal } = new AbortController();
  const cacheFolder = join(home, homeLayout.facts);
  const readings = await readFacts(stack.engine.models, { hub: readHub(), cacheFolder, signal });
  const plan = planCluster({ stack, readings, version, withOperator: false });
  if (plan.refused.length > 0)
    throw new RunError(
      `the models of stack "${context.stack}" cannot be:\n${describeRefusals(plan.refused)}`,
    );
  const judgement = judge(allObjects(plan), stack.platform);
  const broken = describeBroken(judgement, context.stack);
  if (broken !== undefined) throw new RunError(broken);
  for (const advice of sayAdvice(judgement, false)) void log.warn(advice);
  for (const { spec, warnings } of plan.models)
    for (const warning of warnings) void log.warn(`model "${spec.name}": ${warning}`);
  return createObjects(stack, plan, context);
}

function createObjects(
  { engine, platform }: ClusterStack,
  plan: ClusterPlan,
  { secretFields }: StackContext,
): StackOutputs {
  const isAnySecret = (...fields: string[]) => fields.some(field => secretFields.has(field));
  const pool = new ClusterPool("engine", {
    platform,
    kubeconfig: readKubeconfig(),
    objects: plan.installation,
    operator: plan.operator,
    isSecret: isAnySecret("platform", "auth", "keys", "memory", "inference", "log"),
  });
  const isSecret = isAnySecret("platform", "models");
  const served = plan.models.map(({ spec, plan: own }) => {
    const model = new ClusterModel(spec.name, { pool: pool.handle, spec, plan: own, isSecret });
    return [spec.name, { source: spec.source, state: model.state }] as const;
  });
  const { main, compatible } = engine.memory;
  return {
    endpoints: pool.endpoints,
    models: Object.fromEntries(served),
    memory: { database: platform.database.kind, mode: { main, compatible } },
    try: renderTryLine("http://127.0.0.1:11434", engine.models[0]?.name),
  };
}
