/** kollama render: the objects of an installation, or of a model, as YAML, without a cluster. */
import { stringify } from "yaml";
import type { KubernetesObject } from "../../contract/kubernetes.ts";
import { planInstallation } from "../../manifests/installation.ts";
import { planModel } from "../../manifests/model.ts";
import { planOperator } from "../../manifests/operator.ts";
import type { Verb } from "../command.ts";
import { installationOptions, readInstallation } from "../installation-options.ts";
import { readSpec } from "../model-options.ts";

export const render: Verb = {
  name: "render",
  summary: "Print the objects of an installation, or of models, as YAML.",
  usage: "[MODEL.yaml...]",
  help: [
    "  kollama render > installation.yaml                  definition, operator and gateway",
    "  kollama render assistant.yaml --set image=… | kubectl apply --server-side -f -",
    "",
    "Secrets are named in the objects and never printed.",
  ].join("\n"),
  options: {
    ...installationOptions,
    "no-operator": { type: "boolean", help: "without definition and operator" },
  },
  async run(invocation) {
    const { words, options, streams, readFile, version, format } = invocation;
    const { platform, settings } = await readInstallation(invocation);
    const plan = { platform, version, managedBy: "kollama-render" };
    const objects: KubernetesObject[] = [];
    if (words.length === 0) {
      objects.push(...planInstallation({ ...plan, settings }));
      if (options["no-operator"] !== true) objects.push(...planOperator(plan));
    }
    for (const path of words) {
      const spec = readSpec([], {}, await readFile(path));
      const planned = planModel({ ...plan, spec, shape: undefined });
      objects.push(...planned.objects);
      for (const warning of planned.warnings) streams.tell(`${path}: ${warning}\n`);
    }
    streams.out(
      format === "json"
        ? `${JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }, undefined, 2)}\n`
        : objects
            .map(object => `---\n${stringify(object, { aliasDuplicateObjects: false })}`)
            .join(""),
    );
  },
};
