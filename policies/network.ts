/** Who reaches whom: nothing by default, and nothing from outside that was not declared. */
import { annotations, type KubernetesObject } from "../engine/contract/kubernetes.ts";
import {
  fields,
  isService,
  kindRule,
  list,
  type Rule,
  selects,
  templateOf,
  texts,
} from "./rule.ts";

function policiesOf(all: readonly KubernetesObject[], namespace: string | undefined) {
  return all.filter(
    object => object.kind === "NetworkPolicy" && object.metadata.namespace === namespace,
  );
}

function deniesAll(policy: KubernetesObject): boolean {
  const { podSelector, policyTypes, ingress, egress } = fields(policy.spec);
  const isForAll = Object.keys(fields(podSelector)).length === 0;
  const both = ["Ingress", "Egress"].every(type => texts(policyTypes).includes(type));
  return isForAll && both && list(ingress).length === 0 && list(egress).length === 0;
}

export const networkRules: Rule[] = [
  kindRule(
    ["Deployment", "StatefulSet", "DaemonSet", "Job"],
    "default-deny",
    "Where pods run, nothing is reached that was not declared.",
    (object, all) =>
      !policiesOf(all, object.metadata.namespace).some(deniesAll) &&
      `Namespace "${object.metadata.namespace}" has no policy that denies everything.`,
  ),
  {
    name: "has-network-policy",
    description: "Each workload has a policy of what it needs.",
    check(object, all) {
      if (!isService(object)) return [];
      const labels = fields(templateOf(object)?.metadata).labels;
      const own = policiesOf(all, object.metadata.namespace).filter(
        policy => !deniesAll(policy) && selects(fields(policy.spec).podSelector, labels),
      );
      return own.length === 0 ? ["No NetworkPolicy says who reaches its pods."] : [];
    },
  },
  kindRule(["NetworkPolicy"], "no-open-policy", "A policy names peers or ports.", object => {
    const { ingress, egress } = fields(object.spec);
    const open = [...list(ingress), ...list(egress)].some(rule => Object.keys(rule).length === 0);
    return open && "One of its rules allows everything.";
  }),
  kindRule(
    ["NetworkPolicy"],
    "no-metadata-address",
    "No pod reaches the cloud's metadata service.",
    object => {
      const blocks = list(fields(object.spec).egress)
        .flatMap(rule => list(rule.to))
        .map(peer => fields(peer.ipBlock));
      const open = blocks.find(
        block =>
          block.cidr === "0.0.0.0/0" &&
          !texts(block.except).some(cidr => cidr.startsWith("169.254.")),
      );
      return open !== undefined && "Egress to 0.0.0.0/0 does not leave out 169.254.0.0/16.";
    },
  ),
  kindRule(["Service"], "not-public", "Services stay inside unless it is declared.", object => {
    const { type = "ClusterIP", externalIPs } = fields(object.spec);
    const isDeclared = object.metadata.annotations?.[annotations.public] === "declared";
    if (texts(externalIPs).length > 0) return "It has externalIPs.";
    return (
      ["LoadBalancer", "NodePort"].includes(String(type)) &&
      !isDeclared &&
      `It is a ${String(type)} without the annotation ${annotations.public}: declared.`
    );
  }),
  kindRule(
    ["Service"],
    "service-has-pods",
    "A Service selects pods of this stack.",
    (object, all) => {
      const { selector } = fields(object.spec);
      if (selector === undefined) return undefined;
      const found = all.some(one =>
        selects({ matchLabels: selector }, fields(templateOf(one)?.metadata).labels),
      );
      return !found && "It selects no pod of the stack.";
    },
  ),
  kindRule(
    ["Ingress"],
    "ingress-has-tls",
    "What comes from outside is encrypted.",
    object => list(fields(object.spec).tls).length === 0 && "It has no TLS.",
  ),
];
