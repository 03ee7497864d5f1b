/** kollama uninstall: takes operator and gateway away; volumes with memory stay unless --purge. */
import { EngineError } from "../../contract/errors.ts";
import { fieldManagers } from "../../contract/kubernetes.ts";
import { kinds } from "../../kubernetes/kinds.ts";
import { planInstallation } from "../../manifests/installation.ts";
import { planOperator } from "../../manifests/operator.ts";
import { removeInOrder } from "../apply.ts";
import { wantCluster } from "../cluster-only.ts";
import type { Verb } from "../command.ts";
import { installationOptions, readInstallation } from "../installation-options.ts";
import { removeExposed } from "./expose.ts";

/** What holds data, or what holds that: gone only with --purge. */
const kept = ["PersistentVolumeClaim", "Namespace", "CustomResourceDefinition"];

export const uninstall: Verb = {
  name: "uninstall",
  summary: "Take operator and gateway from a cluster; memory stays unless --purge.",
  usage: "[--purge] [--yes]",
  options: {
    ...installationOptions,
    purge: { type: "boolean", help: "volumes with memory, the namespace and Model resources too" },
    yes: { type: "boolean", short: "y", help: "do not ask" },
  },
  async run(invocation) {
    const { platform, settings } = await readInstallation(invocation);
    const { cluster, title } = await wantCluster(invocation);
    const { streams, options, signal } = invocation;
    const isPurge = options.purge === true;
    const what = isPurge ? "Take everything, memory included," : "Take operator and gateway";
    if (options.yes !== true && streams.interactive) {
      const answer = await streams.ask(`${what} from ${title}? [y/N] `, signal);
      if (answer?.trim().toLowerCase() !== "y")
        throw new EngineError("cancelled", "Nothing was taken away.");
    }
    const plan = { platform, version: invocation.version, managedBy: fieldManagers.cli };
    const objects = [...planInstallation({ ...plan, settings }), ...planOperator(plan)];
    const { namespace } = platform;
    const models = await cluster.list(kinds.model, { namespace }).catch(() => []);
    if (models.length > 0 && !isPurge)
      streams.tell(
        `${models.length} Model resources stay; their pods go on without an operator.\n`,
      );
    await removeExposed(cluster, namespace, platform.installation);
    await removeInOrder(
      invocation,
      cluster,
      objects.filter(object => isPurge || !kept.includes(object.kind)),
    );
  },
};
