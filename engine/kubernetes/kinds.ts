/** Kinds of objects as the API addresses them, and the URL of each. */
import { type KubernetesObject, modelResource, type ObjectKind } from "../contract/kubernetes.ts";
import type { ObjectRef } from "./cluster.ts";

const inNamespace = (apiVersion: string, kind: string, plural: string): ObjectKind => ({
  apiVersion,
  kind,
  plural,
  namespaced: true,
});

const ofCluster = (apiVersion: string, kind: string, plural: string): ObjectKind => ({
  apiVersion,
  kind,
  plural,
  namespaced: false,
});

export const kinds = {
  namespace: ofCluster("v1", "Namespace", "namespaces"),
  node: ofCluster("v1", "Node", "nodes"),
  persistentVolume: ofCluster("v1", "PersistentVolume", "persistentvolumes"),
  /** As they are read; they are written as `events.k8s.io/v1`, which is another view of the same. */
  event: inNamespace("v1", "Event", "events"),
  configMap: inNamespace("v1", "ConfigMap", "configmaps"),
  limitRange: inNamespace("v1", "LimitRange", "limitranges"),
  persistentVolumeClaim: inNamespace("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
  pod: inNamespace("v1", "Pod", "pods"),
  resourceQuota: inNamespace("v1", "ResourceQuota", "resourcequotas"),
  secret: inNamespace("v1", "Secret", "secrets"),
  service: inNamespace("v1", "Service", "services"),
  serviceAccount: inNamespace("v1", "ServiceAccount", "serviceaccounts"),
  daemonSet: inNamespace("apps/v1", "DaemonSet", "daemonsets"),
  deployment: inNamespace("apps/v1", "Deployment", "deployments"),
  replicaSet: inNamespace("apps/v1", "ReplicaSet", "replicasets"),
  statefulSet: inNamespace("apps/v1", "StatefulSet", "statefulsets"),
  job: inNamespace("batch/v1", "Job", "jobs"),
  lease: inNamespace("coordination.k8s.io/v1", "Lease", "leases"),
  endpointSlice: inNamespace("discovery.k8s.io/v1", "EndpointSlice", "endpointslices"),

  horizontalPodAutoscaler: inNamespace(
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    "horizontalpodautoscalers",
  ),
  ingress: inNamespace("networking.k8s.io/v1", "Ingress", "ingresses"),
  ingressClass: ofCluster("networking.k8s.io/v1", "IngressClass", "ingressclasses"),
  networkPolicy: inNamespace("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
  podDisruptionBudget: inNamespace("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
  clusterRole: ofCluster("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles"),
  clusterRoleBinding: ofCluster(
    "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding",
    "clusterrolebindings",
  ),
  role: inNamespace("rbac.authorization.k8s.io/v1", "Role", "roles"),
  roleBinding: inNamespace("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
  storageClass: ofCluster("storage.k8s.io/v1", "StorageClass", "storageclasses"),
  priorityClass: ofCluster("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses"),
  customResourceDefinition: ofCluster(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
  ),
  admissionPolicy: ofCluster(
    "admissionregistration.k8s.io/v1",
    "ValidatingAdmissionPolicy",
    "validatingadmissionpolicies",
  ),
  admissionPolicyBinding: ofCluster(
    "admissionregistration.k8s.io/v1",
    "ValidatingAdmissionPolicyBinding",
    "validatingadmissionpolicybindings",
  ),
  model: inNamespace(modelResource.apiVersion, modelResource.kind, modelResource.plural),
  podMonitor: inNamespace("monitoring.coreos.com/v1", "PodMonitor", "podmonitors"),
  serviceMonitor: inNamespace("monitoring.coreos.com/v1", "ServiceMonitor", "servicemonitors"),
  scaledObject: inNamespace("keda.sh/v1alpha1", "ScaledObject", "scaledobjects"),
  httpRoute: inNamespace("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes"),
  externalSecret: inNamespace("external-secrets.io/v1", "ExternalSecret", "externalsecrets"),
} as const satisfies Record<string, ObjectKind>;

const known = new Map(
  Object.values(kinds).map((kind: ObjectKind) => [`${kind.apiVersion}/${kind.kind}`, kind]),
);

/** The kind of an object; one that is not listed above has its plural by the rule that all APIs follow. */
export function kindOf(object: Pick<KubernetesObject, "apiVersion" | "kind" | "metadata">) {
  const { apiVersion, kind, metadata } = object;
  return (
    known.get(`${apiVersion}/${kind}`) ?? {
      apiVersion,
      kind,
      plural: toPlural(kind.toLowerCase()),
      namespaced: metadata.namespace !== undefined,
    }
  );
}

function toPlural(word: string): string {
  if (/(s|x|z|ch|sh)$/.test(word)) return `${word}es`;
  return /[^aeiou]y$/.test(word) ? `${word.slice(0, -1)}ies` : `${word}s`;
}

/** The object as it is addressed. */
export function refOf(object: KubernetesObject): ObjectRef {
  const { name, namespace } = object.metadata;
  return { kind: kindOf(object), name, ...(namespace === undefined ? {} : { namespace }) };
}

/** `/apis/apps/v1/namespaces/x/deployments`; of all namespaces without one. */
export function collectionPath(kind: ObjectKind, namespace: string | undefined): string {
  const root = kind.apiVersion.includes("/") ? `/apis/${kind.apiVersion}` : `/api/v1`;
  const inside = kind.namespaced && namespace !== undefined;
  return `${root}${inside ? `/namespaces/${encodeURIComponent(namespace)}` : ""}/${kind.plural}`;
}

export function objectPath(ref: ObjectRef, namespace: string | undefined): string {
  return `${collectionPath(ref.kind, namespace)}/${encodeURIComponent(ref.name)}`;
}
