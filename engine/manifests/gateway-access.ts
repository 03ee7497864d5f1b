/** What gateways may do with the Kubernetes API: see routes and workers, and set how many replicas there are. */
import type { Platform } from "../contract/platform.ts";
import { installationNames } from "./names.ts";
import type { Draft } from "./objects.ts";

export function gatewayRules(platform: Platform): Draft {
  const { scalerLease } = installationNames(platform.installation);
  return [
    { apiGroups: [""], resources: ["configmaps"], verbs: ["list", "watch"] },
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
    // The API knows no name yet when something is created.
    { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create"] },
    {
      apiGroups: ["coordination.k8s.io"],
      resources: ["leases"],
      resourceNames: [scalerLease],
      // Selected by its name, which is what makes a list of one name allowed.
      verbs: ["list", "watch", "patch"],
    },
    {
      apiGroups: ["apps"],
      resources: ["deployments/scale", "statefulsets/scale"],
      // A patch of nothing answers with the scale as it is.
      verbs: ["patch"],
    },
  ];
}

export function bindingOf(name: string, platform: Platform) {
  return {
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
    subjects: [{ kind: "ServiceAccount", name, namespace: platform.namespace }],
  } satisfies { [field: string]: Draft };
}
