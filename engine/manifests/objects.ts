/** Objects of the Kubernetes API as they are written in plans: fields that do not apply are simply undefined. */
import type { JsonValue } from "../contract/chat.ts";
import type { KubernetesObject } from "../contract/kubernetes.ts";

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
