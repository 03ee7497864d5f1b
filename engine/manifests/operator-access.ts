/** What the operator may do with the Kubernetes API, in its own namespace alone. */
import { modelResource } from "../contract/kubernetes.ts";
import type { Platform } from "../contract/platform.ts";
import { installationNames } from "./names.ts";
import type { Draft } from "./objects.ts";

/** Kinds that plans of models are made of: applied, watched for drift, and removed when they are planned no longer. */
const written: [group: string, resources: string[]][] = [
  ["", ["configmaps", "serviceaccounts", "services"]],
  ["apps", ["deployments", "statefulsets"]],
  ["autoscaling", ["horizontalpodautoscalers"]],
  ["networking.k8s.io", ["networkpolicies"]],
  ["policy", ["poddisruptionbudgets"]],
  // Of others: they are discovered, perhaps later than these rules are written.
  ["keda.sh", ["scaledobjects"]],
  ["monitoring.coreos.com", ["podmonitors"]],
];

export function operatorRules(platform: Platform): Draft {
  const { operator } = installationNames(platform.installation);
  return [
    {
      apiGroups: [modelResource.group],
      resources: [modelResource.plural],
      // Patched for `replicas.current` alone; whoever makes models is somebody else.
      verbs: ["list", "watch", "patch"],
    },
    {
      apiGroups: [modelResource.group],
      resources: [`${modelResource.plural}/status`],
      verbs: ["patch"],
    },
    ...written.map(([group, resources]) => ({
      apiGroups: [group],
      resources,
      verbs: ["list", "watch", "create", "patch", "delete"],
    })),
    {
      apiGroups: ["apps"],
      resources: ["deployments/scale", "statefulsets/scale"],
      verbs: ["patch"],
    },
    {
      apiGroups: [""],
      resources: ["pods", "persistentvolumeclaims"],
      verbs: ["list", "watch"],
    },
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
    // Tokens of sources, of this namespace, each by its name.
    { apiGroups: [""], resources: ["secrets"], verbs: ["get"] },
    { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create"] },
    // The API knows no name yet when something is created.
    { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create"] },
    {
      apiGroups: ["coordination.k8s.io"],
      resources: ["leases"],
      resourceNames: [operator],
      verbs: ["get", "patch"],
    },
  ];
}
