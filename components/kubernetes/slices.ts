/** Which component an object of the installation belongs to: every object to one, so that none is made twice or forgotten. */
import { type KubernetesObject, labels } from "../../engine/contract/kubernetes.ts";
import { installationNames } from "../../engine/manifests/names.ts";

export const slices = ["access", "storage", "database", "cache", "gateway"] as const;
export type Slice = (typeof slices)[number];

const accessKinds = [
  "Namespace",
  "ServiceAccount",
  "Role",
  "RoleBinding",
  "ClusterRole",
  "ClusterRoleBinding",
  "NetworkPolicy",
  "PriorityClass",
];

export function sliceOf({ kind, metadata }: KubernetesObject, installation: string): Slice {
  const names = installationNames(installation);
  if (accessKinds.includes(kind)) return "access";
  if (metadata.name === names.weights) return "storage";
  if (metadata.name === names.memory) return "database";
  const component = metadata.labels?.[labels.component];
  if (component === "postgres") return "database";
  return component === "valkey" ? "cache" : "gateway";
}

export function sliceInstallation(
  objects: readonly KubernetesObject[],
  installation: string,
): Record<Slice, KubernetesObject[]> {
  const of = (slice: Slice) => objects.filter(object => sliceOf(object, installation) === slice);
  return {
    access: of("access"),
    storage: of("storage"),
    database: of("database"),
    cache: of("cache"),
    gateway: of("gateway"),
  };
}
