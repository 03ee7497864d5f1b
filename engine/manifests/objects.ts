/** Objects of the Kubernetes API as they are written in plans: fields that do not apply are simply undefined. */
import type { JsonValue } from "../contract/chat.ts";
import type { KubernetesObject } from "../contract/kubernetes.ts";
import type { Platform } from "../contract/platform.ts";
import { type LabelOptions, objectLabels } from "./names.ts";

export type Draft = JsonValue | undefined | readonly Draft[] | { readonly [field: string]: Draft };

export interface ObjectDraft {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  [field: string]: Draft;
}

/** The object without its undefined fields, which no API takes. */
export function toObject(draft: ObjectDraft): KubernetesObject {
  return settle(draft) as KubernetesObject;
}

function settle(value: Draft): JsonValue {
  if (Array.isArray(value)) return value.filter(item => item !== undefined).map(settle);
  if (typeof value !== "object" || value === null) return value ?? null;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries.map(([key, inner]) => [key, settle(inner)]));
}

export type DraftOf = (
  apiVersion: string,
  kind: string,
  name: string,
  rest: { readonly [field: string]: Draft },
) => ObjectDraft;

/** Drafts in the platform's namespace, with the labels that all objects of one component have. */
export function createDrafter(platform: Platform, options: LabelOptions): DraftOf {
  const labels = objectLabels(platform, options);
  return (apiVersion, kind, name, rest) => ({
    apiVersion,
    kind,
    metadata: { name, namespace: platform.namespace, labels },
    ...rest,
  });
}

/** A list in a plan: the objects that apply. */
export function present<Item>(...items: (Item | false | undefined)[]): Item[] {
  return items.flatMap(item => (item === false || item === undefined ? [] : [item]));
}

/** Text of a file in a ConfigMap. JSON is YAML and needs no second writer; sorted keys, so that equal values are equal text. */
export function toText(value: unknown): string {
  return `${JSON.stringify(sorted(value), null, 2)}\n`;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
