/** Secrets that planned objects name and nobody plans: their names and keys, so that somebody makes them; never what is in them. */
import type { JsonValue } from "../../engine/contract/chat.ts";
import type { KubernetesObject } from "../../engine/contract/kubernetes.ts";

export interface NeededSecret {
  namespace: string;
  name: string;
  /** Empty where any key will do. */
  keys: string[];
  /** `Deployment/model-a` and so on. */
  usedBy: string[];
  /** Whether pods start without it. */
  isOptional: boolean;
}

interface Mention {
  name: string;
  keys: string[];
  isOptional: boolean;
}

type Fields = { [field: string]: JsonValue };

/** In the order of their names. */
export function neededSecrets(objects: readonly KubernetesObject[]): NeededSecret[] {
  const needed = new Map<string, NeededSecret>();
  for (const object of objects) {
    const { namespace = "", name } = object.metadata;
    const user = `${object.kind}/${name}`;
    for (const mention of mentionsIn(object as unknown as JsonValue)) {
      const id = `${namespace}/${mention.name}`;
      const empty = { namespace, name: mention.name, keys: [], usedBy: [], isOptional: true };
      const known = needed.get(id) ?? empty;
      needed.set(id, {
        ...known,
        keys: sorted([...known.keys, ...mention.keys]),
        usedBy: sorted([...known.usedBy, user]),
        isOptional: known.isOptional && mention.isOptional,
      });
    }
  }
  return [...needed.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Every place of the Kubernetes API at which our objects can name a Secret. */
function mentionsIn(value: JsonValue): Mention[] {
  if (Array.isArray(value)) return value.flatMap(mentionsIn);
  if (!isFields(value)) return [];
  return Object.entries(value).flatMap(([field, inner]) => [
    ...toMentions(field, inner),
    ...mentionsIn(inner),
  ]);
}

function toMentions(field: string, value: JsonValue): Mention[] {
  switch (field) {
    case "secretKeyRef":
      return one(value, "name", isFields(value) ? [value.key] : []);
    case "secret":
      return [...one(value, "secretName", itemKeys(value)), ...one(value, "name", itemKeys(value))];
    case "tls":
      return list(value).flatMap(item => one(item, "secretName", ["tls.crt", "tls.key"]));
    case "imagePullSecrets":
      return list(value).flatMap(item => one(item, "name", [".dockerconfigjson"]));
    // A PodMonitor's authorization; without its key nothing is scraped.
    case "credentials":
      return one(value, "name", isFields(value) ? [value.key] : []);
    default:
      return [];
  }
}

function one(
  value: JsonValue,
  nameField: string,
  keys: readonly (JsonValue | undefined)[],
): Mention[] {
  const name = isFields(value) ? value[nameField] : undefined;
  if (!isFields(value) || typeof name !== "string") return [];
  const texts = keys.filter(key => typeof key === "string");
  return [{ name, keys: texts, isOptional: value.optional === true }];
}

function itemKeys(value: JsonValue): (JsonValue | undefined)[] {
  const items = isFields(value) ? value.items : undefined;
  return list(items).map(item => (isFields(item) ? item.key : undefined));
}

function list(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function isFields(value: JsonValue | undefined): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sorted(texts: string[]): string[] {
  return [...new Set(texts)].sort();
}
