/** Keys of a cluster: a ConfigMap that its gateways follow; it holds digests only. */
import { KeySpec } from "../../contract/config.ts";
import { EngineError } from "../../contract/errors.ts";
import { fieldManagers, type KubernetesObject, labels } from "../../contract/kubernetes.ts";
import { limits } from "../../contract/limits.ts";
import { kinds } from "../../kubernetes/kinds.ts";
import { installationNames } from "../../manifests/names.ts";
import type { ClusterPlace } from "../places/cluster-place.ts";
import { nameIsTaken } from "./engine-key-ring.ts";
import type { KeyRing } from "./key-ring.ts";

type Owner = Pick<ClusterPlace, "cluster" | "namespace" | "installation">;

export function createClusterKeyRing({ cluster, namespace, installation }: Owner): KeyRing {
  const { keys: name } = installationNames(installation);
  const ref = { kind: kinds.configMap, namespace, name };
  /** With the version that was read, so that of two who change at once one is told. */
  const patch = (before: KubernetesObject, data: Record<string, string | null>) => {
    const { resourceVersion } = before.metadata;
    return cluster.merge(ref, { metadata: { resourceVersion }, data });
  };
  return {
    list: async () => readKeys(await cluster.get(ref)).map(({ sha256: _, ...known }) => known),
    async add(key) {
      checkName(key.name);
      const before = await cluster.get(ref);
      const known = readKeys(before);
      if (known.some(one => one.name === key.name)) throw nameIsTaken(key.name);
      if (known.length >= limits.keysMax) throw tooMany();
      const data = { [key.name]: JSON.stringify(key) };
      if (before === undefined) {
        const own = { [labels.keys]: installation, [labels.managedBy]: fieldManagers.cli };
        const metadata = { name, namespace, labels: own };
        await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata, data });
        return "It is the first: from now on the gateways want a key from everyone, kollama included (KOLLAMA_KEY).";
      }
      await patch(before, data);
      return "The gateways know it within seconds.";
    },
    async remove(wanted) {
      const before = await cluster.get(ref);
      const known = readKeys(before);
      if (before === undefined || !known.some(key => key.name === wanted)) throw noSuchKey(wanted);
      await patch(before, { [wanted]: null });
      return known.length > 1
        ? undefined
        : `It was the last: nobody is let in now. Make another, or answer everyone by kubectl -n ${namespace} delete configmap ${name}`;
    },
  };
}

function readKeys(object: KubernetesObject | undefined): KeySpec[] {
  const entries = Object.values((object?.data ?? {}) as Record<string, string>);
  const keys = entries.map(text => KeySpec.parse(JSON.parse(text)));
  return keys.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What an entry of a ConfigMap may be called. */
function checkName(name: string): void {
  if (/^[-._a-zA-Z0-9]{1,128}$/.test(name) && !name.startsWith("..") && name !== ".") return;
  throw new EngineError("invalid_request", `"${name}" cannot be a key's name on a cluster.`, {
    field: "name",
    remedy: "Take letters, digits, dashes, dots and underscores.",
  });
}

function tooMany(): EngineError {
  return new EngineError("conflict", `There are ${limits.keysMax} keys already.`, {
    remedy: "Revoke one first.",
  });
}

function noSuchKey(name: string): EngineError {
  return new EngineError("not_found", `There is no key "${name}".`, {
    remedy: "See kollama key list; keys of the configuration are changed where it is written.",
  });
}
