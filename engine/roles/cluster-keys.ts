/** Keys that were made on the cluster: ConfigMaps with the installation's label, followed as they change. */
import { type EngineConfig, KeySpec } from "../contract/config.ts";
import { type KubernetesObject, labels } from "../contract/kubernetes.ts";
import { limits } from "../contract/limits.ts";
import type { Cluster } from "../kubernetes/cluster.ts";
import { kinds } from "../kubernetes/kinds.ts";
import type { Log } from "../telemetry/telemetry.ts";

export interface ClusterKeys {
  /** `config` as requests meet it now: with these keys beside its own. */
  addTo(config: EngineConfig): EngineConfig;
  /** False until they are known; until then nobody without a key of the configuration is let in. */
  isKnown(): boolean;
  close(): void;
}

export interface ClusterKeysOptions {
  cluster: Cluster;
  namespace: string;
  installation: string;
  log: Log;
}

export function createClusterKeys(options: ClusterKeysOptions): ClusterKeys {
  const { cluster, namespace, installation, log } = options;
  let isKnown = false;
  let keys: KeySpec[] | undefined = [];
  const complained = new Set<string>();
  const read = () => {
    if (!isKnown) return;
    const found = parseKeys(informer.objects.values());
    keys = found.keys;
    for (const sentence of found.wrong.filter(one => !complained.has(one))) {
      complained.add(sentence);
      log.warn("a key of the cluster cannot be read", { why: sentence });
    }
  };
  const selection = { namespace, labels: `${labels.keys}=${installation}` };
  const informer = cluster.inform(kinds.configMap, selection, read);
  informer.synced().then(
    () => {
      isKnown = true;
      read();
    },
    () => undefined,
  );
  return {
    addTo: config => withKeys(config, keys),
    isKnown: () => isKnown,
    close: () => informer.close(),
  };
}

/** Undefined keys: there is no ConfigMap, and the configuration holds as it is. */
export function parseKeys(configMaps: Iterable<KubernetesObject>): {
  keys: KeySpec[] | undefined;
  wrong: string[];
} {
  const keys: KeySpec[] = [];
  const wrong: string[] = [];
  let isThere = false;
  for (const { metadata, data } of configMaps) {
    isThere = true;
    for (const [entry, text] of Object.entries((data ?? {}) as Record<string, string>)) {
      const key = parseKey(text);
      if (key === undefined) wrong.push(`${entry} of ${metadata.name} is no key`);
      else if (keys.length < limits.keysMax) keys.push(key);
      else wrong.push(`${entry} of ${metadata.name} is one more than ${limits.keysMax}`);
    }
  }
  return { keys: isThere ? keys : undefined, wrong };
}

function parseKey(text: string): KeySpec | undefined {
  try {
    return KeySpec.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/**
 * Whoever made a key on the cluster wants keys, whatever the configuration says; that the last one was
 * revoked opens nothing, so that only the ConfigMap's removal goes back to the configuration.
 */
export function withKeys(config: EngineConfig, keys: KeySpec[] | undefined): EngineConfig {
  if (keys === undefined) return config;
  const own = new Set(config.keys.map(key => key.name));
  return {
    ...config,
    auth: "keys",
    keys: [...config.keys, ...keys.filter(key => !own.has(key.name))],
  };
}
