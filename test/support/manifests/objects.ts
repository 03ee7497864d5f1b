/** Ways through objects that are plain data: fields by path, pod templates of every workload. */
import type { JsonValue } from "../../../engine/contract/chat.ts";
import type { KubernetesObject } from "../../../engine/contract/kubernetes.ts";

export type Tree = { [field: string]: JsonValue };

/** The value at `spec.template.spec`, `containers.0.name` …; undefined where there is none. */
export function at(value: unknown, path: string): JsonValue | undefined {
  const found = path
    .split(".")
    .reduce<unknown>(
      (inner, key) =>
        typeof inner === "object" && inner !== null ? (inner as Tree)[key] : undefined,
      value,
    );
  return found as JsonValue | undefined;
}

export function treeAt(value: unknown, path: string): Tree {
  const found = at(value, path);
  return typeof found === "object" && found !== null && !Array.isArray(found) ? found : {};
}

export function listAt(value: unknown, path: string): Tree[] {
  const found = at(value, path);
  return Array.isArray(found) ? (found as Tree[]) : [];
}

export function textsAt(value: unknown, path: string): string[] {
  const found = at(value, path);
  return Array.isArray(found) ? found.map(String) : [];
}

export function mapAt(value: unknown, path: string): Record<string, string> {
  return treeAt(value, path) as Record<string, string>;
}

export function find(
  objects: readonly KubernetesObject[],
  kind: string,
  name?: string,
): KubernetesObject {
  const found = objects.find(
    object => object.kind === kind && (name === undefined || object.metadata.name === name),
  );
  if (found === undefined) throw new Error(`there is no ${kind} ${name ?? ""}`);
  return found;
}

export const workloadKinds = ["Deployment", "StatefulSet", "Job", "DaemonSet"];

export interface PodTemplate {
  owner: KubernetesObject;
  labels: Record<string, string>;
  spec: Tree;
  containers: Tree[];
}

export function podTemplates(objects: readonly KubernetesObject[]): PodTemplate[] {
  return objects
    .filter(({ kind }) => workloadKinds.includes(kind))
    .map(owner => ({
      owner,
      labels: mapAt(owner, "spec.template.metadata.labels"),
      spec: treeAt(owner, "spec.template.spec"),
      containers: [
        ...listAt(owner, "spec.template.spec.initContainers"),
        ...listAt(owner, "spec.template.spec.containers"),
      ],
    }));
}

export function selects(selector: Record<string, string>, labels: Record<string, string>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}
