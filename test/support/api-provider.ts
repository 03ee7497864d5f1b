/** A Pulumi provider over a real API server, for the harness: server-side apply as Pulumi's own does it, without its waiting. */
import type { KubernetesObject } from "../../engine/contract/kubernetes.ts";
import type { Cluster } from "../../engine/kubernetes/cluster.ts";
import { refOf } from "../../engine/kubernetes/kinds.ts";
import type { ResourceProvider } from "../../stacks/embedded/provider.ts";
import { type Properties, withoutSecrets } from "../../stacks/embedded/values.ts";

export interface AppliedObject {
  operation: "create" | "update" | "delete";
  name: string;
}

export function createApiProvider(
  cluster: Cluster,
): ResourceProvider & { applied: AppliedObject[] } {
  const applied: AppliedObject[] = [];
  const note = (operation: AppliedObject["operation"], { kind, metadata }: KubernetesObject) =>
    applied.push({ operation, name: `${kind} ${metadata.name}` });
  const apply = (object: KubernetesObject) =>
    cluster.apply(object, { fieldManager: "pulumi-kubernetes-test" });
  return {
    applied,
    configure: async () => ({ supportsPreview: false }),
    check: async ({ news }) => ({ inputs: news, failures: [] }),
    diff: async () => ({ changes: "unknown", replaces: [], deleteBeforeReplace: false }),
    create: async ({ inputs }) => {
      const object = toObject(inputs);
      note("create", object);
      const { metadata } = await apply(object);
      return { id: `${metadata.namespace ?? ""}/${metadata.name}`, outputs: inputs };
    },
    update: async ({ news }) => {
      const object = toObject(news);
      note("update", object);
      await apply(object);
      return { outputs: news };
    },
    read: async ({ id, inputs, outputs }) => {
      const found = await cluster.get(refOf(toObject(inputs)));
      return { id: found === undefined ? "" : id, inputs, outputs };
    },
    delete: async ({ inputs }) => {
      const object = toObject(inputs);
      note("delete", object);
      await cluster.remove(refOf(object));
    },
    cancel: async () => undefined,
    close: async () => undefined,
  };
}

function toObject(inputs: Properties): KubernetesObject {
  return withoutSecrets(inputs) as unknown as KubernetesObject;
}
