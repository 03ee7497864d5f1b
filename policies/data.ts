/** Secrets, data that outlives pods, and what keeps a workload whole. */
import { type KubernetesObject, labels } from "../engine/contract/kubernetes.ts";
import {
  containerRule,
  fields,
  isService,
  kindRule,
  list,
  podRule,
  type Rule,
  selects,
  templateOf,
  texts,
} from "./rule.ts";

/** Texts that only secrets look like; the report never shows what was found. */
const secretForms = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  /\b[a-z][a-z0-9+]*:\/\/[^\s/:@]*:[^\s/@]+@/,
  /\bhf_[A-Za-z0-9]{20,}/,
  /\bsk-[A-Za-z0-9_-]{20,}/,
  /\bAKIA[0-9A-Z]{16}\b/,
  /\bgh[pousr]_[A-Za-z0-9]{30,}/,
];
const looksSecret = (text: string) => secretForms.some(form => form.test(text));

const secretRules: Rule[] = [
  containerRule("no-secret-in-env", "Secrets come by reference, never as a value.", container => {
    const named = list(container.env).find(
      ({ name, value }) =>
        typeof value === "string" &&
        value !== "" &&
        (/PASSWORD|SECRET|TOKEN|API_?KEY|CREDENTIAL/i.test(String(name)) || looksSecret(value)),
    );
    return named !== undefined && `has a secret in the variable ${String(named.name)}.`;
  }),
  containerRule(
    "no-secret-in-arguments",
    "Command lines are no secret.",
    container =>
      [...texts(container.command), ...texts(container.args)].some(looksSecret) &&
      "has a secret among its arguments.",
  ),
  kindRule(["ConfigMap"], "no-secret-in-config", "ConfigMaps are read by many.", object => {
    const found = Object.entries(fields(object.data)).find(([, value]) =>
      looksSecret(String(value)),
    );
    return found !== undefined && `Its key "${found[0]}" holds a secret.`;
  }),
  {
    name: "no-secret-in-annotations",
    description: "Annotations and labels are seen by everyone.",
    check({ metadata }) {
      const found = Object.entries({ ...metadata.annotations, ...metadata.labels }).find(
        ([, value]) => looksSecret(String(value)),
      );
      return found === undefined ? [] : [`Its annotation or label "${found[0]}" holds a secret.`];
    },
  },
];

/** Components that people wait for. */
const answers: unknown[] = ["gateway", "worker", "operator"];

function componentOf(object: KubernetesObject): unknown {
  return fields(fields(templateOf(object)?.metadata).labels)[labels.component];
}

const dataRules: Rule[] = [
  kindRule(
    ["StatefulSet"],
    "claims-are-retained",
    "Data outlive the workload that wrote them; weights can be fetched again.",
    object => {
      if (componentOf(object) === "worker") return undefined;
      const { whenDeleted = "Retain", whenScaled = "Retain" } = fields(
        fields(object.spec).persistentVolumeClaimRetentionPolicy,
      );
      return (
        (whenDeleted !== "Retain" || whenScaled !== "Retain") &&
        "Its claims are deleted with it or when it is scaled down."
      );
    },
  ),
  kindRule(
    ["PersistentVolumeClaim"],
    "claim-has-size",
    "A claim says how much it wants.",
    object =>
      fields(fields(fields(object.spec).resources).requests).storage === undefined &&
      "It asks for no storage.",
  ),
  kindRule(
    ["Deployment"],
    "one-writer",
    "A volume that one pod may write has one pod at a time.",
    (object, all) => {
      const spec = fields(object.spec);
      const names = list(fields(fields(spec.template).spec).volumes).map(
        volume => fields(volume.persistentVolumeClaim).claimName,
      );
      const single = all.find(
        claim =>
          claim.kind === "PersistentVolumeClaim" &&
          names.includes(claim.metadata.name) &&
          !texts(fields(claim.spec).accessModes).some(mode => /Many$/.test(mode)),
      );
      if (single === undefined) return undefined;
      if (Number(spec.replicas ?? 1) > 1)
        return "It has several replicas on a volume of one writer.";
      return (
        fields(spec.strategy).type !== "Recreate" &&
        "It rolls two pods over a volume of one writer; use Recreate."
      );
    },
  ),
];

const wholeRules: Rule[] = [
  {
    name: "has-disruption-budget",
    description: "Evictions leave enough pods of each workload.",
    check(object, all) {
      // Of a database's one pod a budget says nothing: it may go, or it can never go.
      const isAlone = fields(object.spec).replicas === 1 && !answers.includes(componentOf(object));
      if (!isService(object) || isAlone) return [];
      const own = fields(templateOf(object)?.metadata).labels;
      const budgets = all.filter(
        one =>
          one.kind === "PodDisruptionBudget" &&
          one.metadata.namespace === object.metadata.namespace &&
          selects(fields(one.spec).selector, own),
      );
      if (budgets.length > 1)
        return ["Two PodDisruptionBudgets select its pods: none can be evicted."];
      return budgets.length === 0 ? ["No PodDisruptionBudget selects its pods."] : [];
    },
  },
  kindRule(["PodDisruptionBudget"], "budget-lets-go", "A node can always be drained.", object => {
    const { maxUnavailable, minAvailable } = fields(object.spec);
    return (
      ([0, "0", "0%"].includes(maxUnavailable as string | number) || minAvailable === "100%") &&
      "It lets no pod go."
    );
  }),
  kindRule(
    ["HorizontalPodAutoscaler", "ScaledObject"],
    "scaled-without-replicas",
    "Who is scaled leaves its replicas to the scaler.",
    (object, all) => {
      const { kind = "Deployment", name } = fields(fields(object.spec).scaleTargetRef);
      const target = all.find(
        one =>
          one.kind === kind &&
          one.metadata.name === name &&
          one.metadata.namespace === object.metadata.namespace,
      );
      return (
        target !== undefined &&
        fields(target.spec).replicas !== undefined &&
        `${target.kind} "${target.metadata.name}" names replicas as well.`
      );
    },
  ),
  kindRule(
    ["Deployment", "StatefulSet"],
    "selector-fits",
    "A workload selects the pods that it makes.",
    object =>
      !selects(fields(object.spec).selector, fields(templateOf(object)?.metadata).labels) &&
      "Its selector does not fit its template.",
  ),
  kindRule(
    ["Deployment", "StatefulSet"],
    "selector-never-changes",
    "Selectors hold no version: they cannot be changed.",
    object =>
      ["app.kubernetes.io/version", "app.kubernetes.io/managed-by"].some(
        key => fields(fields(fields(object.spec).selector).matchLabels)[key] !== undefined,
      ) && "Its selector holds a label that changes.",
  ),
  podRule(
    "no-service-links",
    "Pods get no variables of other Services.",
    pod => pod.enableServiceLinks !== false && "The pod does not set enableServiceLinks: false.",
  ),
];

const namingRules: Rule[] = [
  {
    name: "has-labels",
    description: "Objects say to whom they belong.",
    check({ metadata }) {
      const wanted = ["name", "instance", "part-of", "managed-by"];
      const missing = wanted.filter(
        label => metadata.labels?.[`app.kubernetes.io/${label}`] === undefined,
      );
      return missing.length === 0
        ? []
        : [`It has no label app.kubernetes.io/${missing.join(", ")}.`];
    },
  },
  {
    name: "own-namespace",
    description: "Nothing of ours lives in the cluster's own namespaces.",
    check: ({ metadata }) =>
      /^(default|kube-.*)$/.test(metadata.namespace ?? "")
        ? [`It lives in namespace "${metadata.namespace}".`]
        : [],
  },
  kindRule(
    ["Namespace"],
    "restricted-namespace",
    "Namespaces enforce Pod Security restricted.",
    (object: KubernetesObject) =>
      object.metadata.labels?.["pod-security.kubernetes.io/enforce"] !== "restricted" &&
      "It does not enforce Pod Security restricted.",
  ),
];

export const dataAndWholeRules: Rule[] = [
  ...secretRules,
  ...dataRules,
  ...wholeRules,
  ...namingRules,
];
