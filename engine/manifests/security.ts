/** What every pod of ours promises: Pod Security "restricted", a read-only root and no token that is not needed. */
import type { Draft } from "./objects.ts";

/** The user of our images. */
export const engineUser = 65_532;

export function podSecurity(user = engineUser): Draft {
  return {
    runAsNonRoot: true,
    runAsUser: user,
    runAsGroup: user,
    fsGroup: user,
    fsGroupChangePolicy: "OnRootMismatch",
    seccompProfile: { type: "RuntimeDefault" },
  };
}

export const containerSecurity: Draft = {
  allowPrivilegeEscalation: false,
  privileged: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};

/** Labels by which a namespace refuses any pod that promises less. */
export const restrictedNamespace: Record<string, string> = {
  "pod-security.kubernetes.io/enforce": "restricted",
  "pod-security.kubernetes.io/enforce-version": "latest",
  "pod-security.kubernetes.io/audit": "restricted",
  "pod-security.kubernetes.io/warn": "restricted",
};
