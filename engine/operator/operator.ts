/** createOperator: makes Model resources so, while it leads. */
import { fieldManagers, modelResource } from "../contract/kubernetes.ts";
import type { Platform } from "../contract/platform.ts";
import type { Clock } from "../kit/clock.ts";
import { type Random, systemRandom } from "../kit/random.ts";
import type { Cluster } from "../kubernetes/cluster.ts";
import { installationNames } from "../manifests/names.ts";
import type { ModelFactsReader } from "../models/facts.ts";
import type { Log, Metrics } from "../telemetry/telemetry.ts";
import { type Controller, startController } from "./controller.ts";
import { createLead } from "./lead.ts";
import { createReadWorker } from "./worker-reports.ts";

export interface OperatorOptions {
  cluster: Cluster;
  /** As declared; APIs of others are discovered besides. */
  platform: Platform;
  /** Guarded: whoever may write a Model may name any source. */
  factsReader: ModelFactsReader;
  version: string;
  clock: Clock;
  random?: Random;
  log: Log;
  metrics: Metrics;
  /** Tells this process from the other operators; a pod's name. */
  identity: string;
  /** As gateways have it. */
  workerKey?: string | undefined;
  fetch?: typeof fetch;
}

export interface Operator {
  /** Whether it acts; another one may. */
  leads(): boolean;
  close(): Promise<void>;
}

export function createOperator(options: OperatorOptions): Operator {
  const { cluster, platform, clock, log, metrics, identity } = options;
  const readWorker = createReadWorker(options.fetch ?? fetch, options.workerKey);
  let controller: Controller | undefined;
  let ending: Promise<void> = Promise.resolve();

  const lead = createLead({
    cluster,
    namespace: platform.namespace,
    leaseName: `${installationNames(platform.installation).operator}`,
    identity,
    clock,
    log,
    onChange(leads) {
      metrics.set("echorator_operator_leads", {}, leads ? 1 : 0);
      const last = controller;
      controller = undefined;
      ending = ending.then(() => last?.close());
      if (!leads) return;
      controller = startController({
        ...options,
        random: options.random ?? systemRandom,
        readWorker,
        before: ending,
      });
    },
  });
  metrics.set("echorator_operator_leads", {}, 0);
  log.info("the operator starts", {
    identity,
    resource: `${modelResource.plural}.${modelResource.group}`,
    manager: fieldManagers.operator,
  });

  return {
    leads: lead.leads,
    async close() {
      await lead.close();
      await ending;
    },
  };
}
