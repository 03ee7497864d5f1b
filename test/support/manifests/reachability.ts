/** Who reaches whom under a set of NetworkPolicies, as the API defines them: computed here, without a network. */
import { BlockList, isIP } from "node:net";
import type { KubernetesObject } from "../../../engine/contract/kubernetes.ts";
import { listAt, mapAt, selects, type Tree, textsAt, treeAt } from "./objects.ts";

export interface Pod {
  namespace: string;
  labels: Record<string, string>;
}

/** A pod of the cluster, or an address outside of it. */
export type Peer = Pod | { address: string };

export interface Door {
  port: number;
  protocol: "TCP" | "UDP";
}

/** Whether `from` may open a connection to that port of `to`; what has no pod has no policy. */
export function reaches(
  policies: readonly KubernetesObject[],
  from: Peer,
  to: Peer,
  door: Door,
): boolean {
  return passes(policies, "Egress", from, to, door) && passes(policies, "Ingress", to, from, door);
}

/** Policies add up: a pod that one of them selects lets through what any of them allows, and nothing else. */
function passes(
  policies: readonly KubernetesObject[],
  direction: "Ingress" | "Egress",
  pod: Peer,
  peer: Peer,
  door: Door,
): boolean {
  if ("address" in pod) return true;
  const own = policies.filter(
    policy =>
      policy.kind === "NetworkPolicy" &&
      policy.metadata.namespace === pod.namespace &&
      textsAt(policy, "spec.policyTypes").includes(direction) &&
      matches(treeAt(policy, "spec.podSelector"), pod.labels),
  );
  if (own.length === 0) return true;
  const [field, side] = direction === "Ingress" ? ["ingress", "from"] : ["egress", "to"];
  return own.some(policy =>
    listAt(policy, `spec.${field}`).some(
      rule =>
        isOpenDoor(rule, door) && isOpenPeer(rule, side, peer, policy.metadata.namespace ?? ""),
    ),
  );
}

function isOpenDoor(rule: Tree, door: Door): boolean {
  if (rule.ports === undefined) return true;
  return listAt(rule, "ports").some(entry => {
    if ((entry.protocol ?? "TCP") !== door.protocol) return false;
    if (entry.port === undefined) return true;
    if (typeof entry.port !== "number") throw new Error("a policy names its ports by number here");
    const end = typeof entry.endPort === "number" ? entry.endPort : entry.port;
    return door.port >= entry.port && door.port <= end;
  });
}

function isOpenPeer(rule: Tree, side: string, peer: Peer, namespace: string): boolean {
  if (rule[side] === undefined) return true;
  return listAt(rule, side).some(entry => {
    if (entry.ipBlock !== undefined) return "address" in peer && isInBlock(entry, peer.address);
    if ("address" in peer) return false;
    const isThere =
      entry.namespaceSelector === undefined
        ? peer.namespace === namespace
        : matches(treeAt(entry, "namespaceSelector"), {
            "kubernetes.io/metadata.name": peer.namespace,
          });
    return isThere && matches(treeAt(entry, "podSelector"), peer.labels);
  });
}

function matches(selector: Tree, labels: Record<string, string>): boolean {
  if (selector.matchExpressions !== undefined) throw new Error("no expressions are used here");
  return selects(mapAt(selector, "matchLabels"), labels);
}

function isInBlock(entry: Tree, address: string): boolean {
  const within = (cidr: string) => {
    const [net = "", bits] = cidr.split("/");
    const family = isIP(net) === 6 ? "ipv6" : "ipv4";
    if (isIP(address) !== isIP(net)) return false;
    const list = new BlockList();
    list.addSubnet(net, Number(bits), family);
    return list.check(address, family);
  };
  const block = treeAt(entry, "ipBlock");
  return within(String(block.cidr)) && !textsAt(block, "except").some(within);
}
