/** Pod Security "restricted", and what a pod says of images, resources, probes and its end. */
import {
  containerRule,
  containersOf,
  fields,
  isService,
  kindRule,
  list,
  podRule,
  type Rule,
  templateOf,
  texts,
} from "./rule.ts";

const restrictedVolumes = [
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

const securityRules: Rule[] = [
  podRule("no-host-namespaces", "Pods do not share the node's namespaces.", pod => {
    const shared = ["hostNetwork", "hostPID", "hostIPC"].filter(field => pod[field] === true);
    return shared.length > 0 && `The pod sets ${shared.join(", ")}.`;
  }),
  podRule("no-host-path", "Pods mount nothing of the node.", pod => {
    const volume = list(pod.volumes).find(one => one.hostPath !== undefined);
    return volume !== undefined && `Volume "${String(volume.name)}" is a hostPath.`;
  }),
  podRule("volume-types", "Volumes are of the kinds that Pod Security restricted allows.", pod => {
    const other = list(pod.volumes).find(
      volume =>
        !Object.keys(volume).some(key => key === "name" || restrictedVolumes.includes(key)) ||
        Object.keys(volume).some(key => key !== "name" && !restrictedVolumes.includes(key)),
    );
    return other !== undefined && `Volume "${String(other.name)}" is of another kind.`;
  }),
  podRule(
    "no-sysctls",
    "Pods leave the kernel's settings alone.",
    pod => list(fields(pod.securityContext).sysctls).length > 0 && "The pod sets sysctls.",
  ),
  podRule(
    "group-of-volumes",
    "Volumes are writable for the pod's own group.",
    pod =>
      list(pod.volumes).some(volume => volume.persistentVolumeClaim !== undefined) &&
      fields(pod.securityContext).fsGroup === undefined &&
      "The pod mounts a claim and has no fsGroup.",
  ),
  containerRule(
    "no-host-ports",
    "Containers take no ports of the node.",
    container =>
      list(container.ports).some(port => port.hostPort !== undefined) && "takes a hostPort.",
  ),
  containerRule(
    "no-privileged",
    "No container is privileged.",
    container => fields(container.securityContext).privileged === true && "is privileged.",
  ),
  containerRule(
    "no-privilege-escalation",
    "Nothing gains rights after its start.",
    container =>
      fields(container.securityContext).allowPrivilegeEscalation !== false &&
      "does not set allowPrivilegeEscalation: false.",
  ),
  containerRule(
    "drops-capabilities",
    "Containers drop every capability and add none.",
    container => {
      const { drop, add } = fields(fields(container.securityContext).capabilities);
      if (!texts(drop).includes("ALL")) return "does not drop ALL capabilities.";
      return texts(add).length > 0 && "adds capabilities.";
    },
  ),
  containerRule("runs-as-non-root", "Containers refuse to run as root.", (container, pod) => {
    const own = fields(container.securityContext);
    const { runAsNonRoot = fields(pod.securityContext).runAsNonRoot } = own;
    return runAsNonRoot !== true && "does not set runAsNonRoot: true.";
  }),
  containerRule("has-a-user", "The user is a number other than root's.", (container, pod) => {
    const { runAsUser = fields(pod.securityContext).runAsUser } = fields(container.securityContext);
    return !(typeof runAsUser === "number" && runAsUser > 0) && "has no runAsUser above 0.";
  }),
  containerRule("seccomp", "System calls are filtered.", (container, pod) => {
    const own = fields(container.securityContext).seccompProfile;
    const { type } = fields(own ?? fields(pod.securityContext).seccompProfile);
    return type !== "RuntimeDefault" && type !== "Localhost" && "has no seccomp profile.";
  }),
  containerRule(
    "read-only-root",
    "The image's files cannot be changed.",
    container =>
      fields(container.securityContext).readOnlyRootFilesystem !== true &&
      "has a writable root file system.",
  ),
  containerRule(
    "default-proc-mount",
    "/proc is masked as usual.",
    container =>
      !["Default", undefined].includes(
        fields(container.securityContext).procMount as string | undefined,
      ) && "unmasks /proc.",
  ),
];

const imageRules: Rule[] = [
  containerRule(
    "image-has-digest",
    "Images are named by digest.",
    ({ image }) => !/@sha256:[0-9a-f]{64}$/.test(String(image)) && "has an image without a digest.",
  ),
  containerRule(
    "image-has-version",
    "Images have a tag that is not latest, or a digest.",
    container => {
      const image = String(container.image);
      const hasTag = /:[\w.-]+$/.test(image) && !image.endsWith(":latest");
      return !hasTag && !image.includes("@") && "has an image of no certain version.";
    },
  ),
];

const resourceRules: Rule[] = [
  containerRule("asks-for-resources", "Containers ask for cores and memory.", container => {
    const { cpu, memory } = fields(fields(container.resources).requests);
    return (cpu === undefined || memory === undefined) && "does not ask for cpu and memory.";
  }),
  containerRule(
    "memory-is-certain",
    "The memory asked for is the memory that may be used.",
    container => {
      const { requests, limits } = fields(container.resources);
      const { memory } = fields(limits);
      return (
        (memory === undefined || memory !== fields(requests).memory) &&
        "has a memory limit other than its request."
      );
    },
  ),
  containerRule(
    "bounded-disk",
    "What is written to the node's disk is bounded.",
    container =>
      fields(fields(container.resources).limits)["ephemeral-storage"] === undefined &&
      "has no limit of ephemeral-storage.",
  ),
  podRule("bounded-empty-dir", "Temporary volumes have a size.", pod => {
    const volume = list(pod.volumes).find(
      one => one.emptyDir !== undefined && fields(one.emptyDir).sizeLimit === undefined,
    );
    return volume !== undefined && `Volume "${String(volume.name)}" has no sizeLimit.`;
  }),
];

/** Seconds that a probe gives until it counts as failed. */
function budgetOf(probe: unknown): number {
  const { periodSeconds = 10, failureThreshold = 3 } = fields(probe);
  return Number(periodSeconds) * Number(failureThreshold);
}

const lifeRules: Rule[] = [
  serviceContainerRule(
    "has-readiness",
    "Who is not ready gets no requests.",
    container => container.readinessProbe === undefined && "has no readinessProbe.",
  ),
  serviceContainerRule(
    "has-liveness",
    "Who hangs is started again.",
    container => container.livenessProbe === undefined && "has no livenessProbe.",
  ),
  serviceContainerRule("has-startup-budget", "A slow start is no failure.", container => {
    if (container.startupProbe === undefined) return "has no startupProbe.";
    return budgetOf(container.startupProbe) < 30 && "has less than 30 s to start.";
  }),
  serviceContainerRule(
    "liveness-is-patient",
    "One slow answer ends nobody.",
    container =>
      container.livenessProbe !== undefined &&
      budgetOf(container.livenessProbe) < 20 &&
      "is ended after less than 20 s without an answer.",
  ),
  serviceContainerRule(
    "liveness-is-not-readiness",
    "Not being ready is no reason to be ended.",
    container =>
      container.livenessProbe !== undefined &&
      JSON.stringify(fields(container.livenessProbe).httpGet ?? null) ===
        JSON.stringify(fields(container.readinessProbe).httpGet ?? 0) &&
      "asks the same for liveness as for readiness.",
  ),
  kindRule(
    ["Deployment"],
    "progress-outlasts-start",
    "A roll is not called failed before its pods had their time to start.",
    object => {
      const spec = fields(object.spec);
      const pod = fields(fields(spec.template).spec);
      const longest = Math.max(
        0,
        ...containersOf(pod).map(container =>
          container.startupProbe === undefined ? 0 : budgetOf(container.startupProbe),
        ),
      );
      const { progressDeadlineSeconds = 600 } = spec;
      return (
        Number(progressDeadlineSeconds) < longest &&
        `progressDeadlineSeconds is less than the ${longest} s of the startupProbe.`
      );
    },
  ),
  podRule(
    "grace-for-replies",
    "Pods that answer people end their replies before they go.",
    (pod, object) => {
      const part = fields(fields(templateOf(object)?.metadata).labels)[
        "app.kubernetes.io/component"
      ];
      if (!["gateway", "worker"].includes(String(part))) return undefined;
      return (
        Number(pod.terminationGracePeriodSeconds ?? 30) < 45 && "The pod has less than 45 s to end."
      );
    },
  ),
];

function serviceContainerRule(
  name: string,
  description: string,
  check: (container: Record<string, unknown>) => string | false | undefined,
): Rule {
  return {
    name,
    description,
    check(object) {
      const template = templateOf(object);
      if (template === undefined || !isService(object)) return [];
      return list(fields(template.spec).containers).flatMap(container => {
        const problem = check(container);
        return problem ? [`Container "${String(container.name)}" ${problem}`] : [];
      });
    },
  };
}

export const podRules: Rule[] = [...securityRules, ...imageRules, ...resourceRules, ...lifeRules];
