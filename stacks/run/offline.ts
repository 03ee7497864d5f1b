/** `plan` and `render`: what a stack for a cluster becomes, without a cluster and without Pulumi. */
import { join } from "node:path";
import { homeLayout } from "../../engine/contract/endpoints.ts";
import { EngineError } from "../../engine/contract/errors.ts";
import { describeBroken, type Judgement, judge, sayAdvice } from "../cluster/judgement.ts";
import { allObjects, type ClusterPlan, describeRefusals, planCluster } from "../cluster/plan.ts";
import { type PlanHead, renderPlan, toPlanData } from "../cluster/plan-text.ts";
import { openFactsFile, readFacts, writeFactsFile } from "../cluster/readings.ts";
import { writeRendering } from "../cluster/render-folder.ts";
import { renderFiles, secretsFile } from "../cluster/rendered-files.ts";
import type { Project } from "../embedded/project.ts";
import { type ClusterStack, describeProblems, parseStackConfig } from "../parse-config.ts";
import { readVersion } from "../version.ts";
import type { Home } from "./home.ts";
import { decryptConfig, openStackSecrets, readStackFile } from "./stack-file.ts";

export interface OfflineOptions {
  stack: string;
  project: Project;
  home: Home;
  hub: { endpoint: string; token: string | undefined };
  /** File with what models say of themselves; what it lacks is read and added. */
  facts: string | undefined;
  withOperator: boolean;
  /** Whether advice names every object, not the first of each rule. */
  isAll: boolean;
  write: (text: string) => void;
  signal: AbortSignal;
}

/** Answers with the exit code: 1 when a model is refused. */
export async function showPlan(options: OfflineOptions & { asJson: boolean }): Promise<number> {
  const { plan, head, judgement } = await planOffline(options);
  const text = options.asJson
    ? `${JSON.stringify(toPlanData(plan, head, judgement), null, 2)}\n`
    : renderPlan(plan, head, judgement, options.isAll);
  options.write(text);
  return plan.refused.length + judgement.broken.length === 0 ? 0 : 1;
}

export async function renderStack(options: OfflineOptions & { out: string }): Promise<number> {
  const { plan, secretKeys, judgement } = await planOffline(options);
  const { stack, out, write, isAll } = options;
  refuseSecrets(secretKeys, stack);
  if (plan.refused.length > 0)
    throw new EngineError(
      "does_not_fit",
      `the models of stack "${stack}" cannot be:\n${describeRefusals(plan.refused)}\nNothing was written`,
    );
  const broken = describeBroken(judgement, stack);
  if (broken !== undefined)
    throw new EngineError("invalid_config", `${broken}\nNothing was written`);
  const files = renderFiles(allObjects(plan), stack);
  const { written, unchanged, removed } = writeRendering(out, files, stack);
  for (const { spec, warnings } of plan.models)
    for (const warning of warnings) write(`warning: model "${spec.name}": ${warning}\n`);
  for (const advice of sayAdvice(judgement, isAll)) write(`warning: ${advice}\n`);
  write(
    `${out}: ${written.length} written, ${unchanged.length} unchanged, ${removed.length} removed\n`,
  );
  if (files.has(secretsFile)) write(`${join(out, secretsFile)} lists the Secrets to be made\n`);
  return 0;
}

interface OfflinePlan {
  plan: ClusterPlan;
  head: PlanHead;
  judgement: Judgement;
  secretKeys: string[];
}

async function planOffline(options: OfflineOptions): Promise<OfflinePlan> {
  const { home, hub, signal, facts, withOperator } = options;
  const { stack, secretKeys } = await readClusterStack(options);
  const known = facts === undefined ? new Map() : openFactsFile(facts);
  const cacheFolder = join(home.folder, homeLayout.facts);
  const readings = await readFacts(stack.engine.models, { hub, cacheFolder, signal }, known);
  if (facts !== undefined) writeFactsFile(facts, readings);
  const plan = planCluster({ stack, readings, version: readVersion(), withOperator });
  const judgement = judge(allObjects(plan), stack.platform);
  const head = { stack: options.stack, namespace: stack.platform.namespace };
  return { plan, secretKeys, head, judgement };
}

async function readClusterStack(
  options: OfflineOptions,
): Promise<{ stack: ClusterStack; secretKeys: string[] }> {
  const { project, home, stack: name } = options;
  const files = { project: project.name, folder: project.configFolder, home: home.folder };
  const file = readStackFile(files, name);
  // Making a key takes longer than everything else, and most stacks have nothing to decrypt.
  const secrets = JSON.stringify(file.config).includes('"secure":')
    ? await openStackSecrets(file, home.passphrase)
    : { decrypt: (text: string) => text, encrypt: (text: string) => text, salt: "" };
  const { values, secretKeys } = decryptConfig(file.config, secrets);
  const parsed = parseStackConfig(values);
  if ("problems" in parsed)
    throw new EngineError("invalid_config", describeProblems(parsed.problems, name));
  if (parsed.target === "kubernetes") return { stack: parsed, secretKeys };
  throw new EngineError("unsupported", `stack "${name}" runs on this machine, not on a cluster`, {
    remedy: "Use `npm run preview` for it, or name a stack with target: kubernetes.",
  });
}

/** Rendered files are for everyone who reads the repository that they go into. */
function refuseSecrets(keys: readonly string[], stack: string): void {
  const [key] = keys.filter(name => name.startsWith("echorator:"));
  if (key === undefined) return;
  throw new EngineError(
    "invalid_config",
    `${key} of stack "${stack}" holds a secret, which rendered files would show`,
    {
      field: key,
      remedy: "Take the secret mark away, or deploy this stack with `npm run up`.",
    },
  );
}
