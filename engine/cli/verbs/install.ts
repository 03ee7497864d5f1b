/** kollama install: resource definition, operator and gateway on a cluster, without Pulumi. */
import { fieldManagers, type KubernetesObject } from "../../contract/kubernetes.ts";
import { planInstallation } from "../../manifests/installation.ts";
import { planOperator } from "../../manifests/operator.ts";
import { applyInOrder, untilAvailable } from "../apply.ts";
import { wantCluster } from "../cluster-only.ts";
import type { Verb } from "../command.ts";
import { installationOptions, readInstallation } from "../installation-options.ts";

export const install: Verb = {
  name: "install",
  summary: "Put the resource definition, the operator and a gateway on a cluster.",
  usage: "[options]",
  help: [
    "  kollama install --image registry.example/echorator/engine:0.1.0@sha256:…",
    "  kollama install -f platform.yaml --set gateway.replicas=2",
    "",
    "The same command again repairs what is half done; another image rolls operator and gateways.",
  ].join("\n"),
  options: {
    ...installationOptions,
    "dry-run": { type: "boolean", help: "let the API server check, change nothing" },
    "no-wait": { type: "boolean", help: "return once everything is applied" },
  },
  async run(invocation) {
    const { platform, settings } = await readInstallation(invocation);
    const { cluster } = await wantCluster(invocation);
    const plan = { platform, version: invocation.version, managedBy: fieldManagers.cli };
    const objects: KubernetesObject[] = [
      ...planInstallation({ ...plan, settings }),
      ...planOperator(plan),
    ];
    const dryRun = invocation.options["dry-run"] === true;
    await applyInOrder(invocation, cluster, objects, dryRun);
    if (dryRun || invocation.options["no-wait"] === true) return;
    await untilAvailable(invocation, cluster, objects);
    invocation.streams.out(
      `Echorator ${invocation.version} is installed in ${platform.namespace}. Next: kollama deploy assistant bundled:echo-tiny\n`,
    );
  },
};
