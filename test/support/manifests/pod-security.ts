/** Pod Security "restricted" as a function: every rule of the standard over a workload's pod template, offline. */
import type { KubernetesObject } from "../../../engine/contract/kubernetes.ts";
import { at, listAt, podTemplates, type Tree, textsAt, treeAt } from "./objects.ts";

const volumeKinds = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "image",
  "persistentVolumeClaim",
  "projected",
  "secret",
];

/** One sentence for each promise that a pod does not make. */
export function restrictedProblems(objects: readonly KubernetesObject[]): string[] {
  return podTemplates(objects).flatMap(({ owner, spec, containers }) =>
    [
      ...podProblems(spec),
      ...containers.flatMap(container => containerProblems(container, spec)),
    ].map(problem => `${owner.kind} ${owner.metadata.name}: ${problem}`),
  );
}

function podProblems(spec: Tree): string[] {
  const shared = ["hostNetwork", "hostPID", "hostIPC"].filter(field => spec[field] === true);
  const volumes = listAt(spec, "volumes").flatMap(volume =>
    Object.keys(volume)
      .filter(key => key !== "name" && !volumeKinds.includes(key))
      .map(key => `the volume ${String(volume.name)} is a ${key}`),
  );
  const sysctls = listAt(spec, "securityContext.sysctls").map(entry => `sysctl ${entry.name}`);
  const windows = treeAt(spec, "securityContext.windowsOptions");
  return [
    ...shared,
    ...volumes,
    ...sysctls,
    ...(windows.hostProcess === true ? ["windows host process"] : []),
  ];
}

function containerProblems(container: Tree, pod: Tree): string[] {
  const own = (field: string) => at(container, `securityContext.${field}`);
  const either = (field: string) => own(field) ?? at(pod, `securityContext.${field}`);
  const seccomp = either("seccompProfile.type");
  const added = textsAt(container, "securityContext.capabilities.add");
  const dropped = textsAt(container, "securityContext.capabilities.drop");
  const rules: [boolean, string][] = [
    [own("privileged") === true, "is privileged"],
    [own("allowPrivilegeEscalation") !== false, "may gain privileges"],
    [either("runAsNonRoot") !== true, "may run as root"],
    [either("runAsUser") === 0, "runs as root"],
    [seccomp !== "RuntimeDefault" && seccomp !== "Localhost", "has no seccomp profile"],
    [!dropped.includes("ALL"), "keeps capabilities"],
    [added.some(name => name !== "NET_BIND_SERVICE"), "adds capabilities"],
    [own("procMount") !== undefined && own("procMount") !== "Default", "has an unmasked proc"],
    [listAt(container, "ports").some(port => port.hostPort !== undefined), "has a host's port"],
    // Beyond the standard: what our own pods promise besides.
    [own("readOnlyRootFilesystem") !== true, "may write its root"],
    [at(container, "resources.limits.memory") === undefined, "has no limit of memory"],
    [at(container, "resources.requests.cpu") === undefined, "asks for no cores"],
  ];
  return rules.filter(([broken]) => broken).map(([, what]) => `${String(container.name)} ${what}`);
}
