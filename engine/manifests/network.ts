/** Pieces of NetworkPolicies: who is who, and what of the address space is never let through unasked. */
import { BlockList, isIPv6 } from "node:net";
import { EngineError } from "../contract/errors.ts";
import type { ComponentName } from "../contract/kubernetes.ts";
import type { Platform } from "../contract/platform.ts";
import { selectorLabels } from "./names.ts";
import type { Draft } from "./objects.ts";

export function podsOf(platform: Platform, component: ComponentName): Draft {
  return { podSelector: { matchLabels: selectorLabels(platform, component) } };
}

/** By the namespace's name, which only its creator chooses; a label of a pod alone anyone may wear. */
export function monitoringPods(platform: Platform): Draft {
  return {
    namespaceSelector: {
      matchLabels: { "kubernetes.io/metadata.name": platform.monitoringNamespace },
    },
    podSelector: { matchLabels: { "app.kubernetes.io/name": "prometheus" } },
  };
}

export const tcp = (...ports: (number | string)[]): Draft =>
  ports.map(port => ({ protocol: "TCP", port }));

export const dnsEgress: Draft = {
  to: [
    {
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
      podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
    },
  ],
  ports: [
    { protocol: "UDP", port: 53 },
    { protocol: "TCP", port: 53 },
  ],
};

export const everyone = ["0.0.0.0/0", "::/0"] as const;

/** Not the world's: private and shared nets, the machine, its link with the metadata service, and what is reserved. */
const withinDoors = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "::1/128",
  "64:ff9b::/96",
  "fc00::/7",
  "fe80::/10",
  "ff00::/8",
] as const;

/** No one's choice: the machine itself and its link, where clouds answer with credentials. */
const neverReached = [
  "127.0.0.0/8",
  "169.254.0.0/16",
  "::1/128",
  "fe80::/10",
  "fd00:ec2::254/128",
] as const;

/**
 * The range without what lies within doors, unless the range itself was named there: an own mirror in 10.1.2.0/24.
 * @throws EngineError invalid_config for ranges that no pod of ours may reach
 */
export function outsideOf(cidr: string, field: string): Draft {
  const range = parseCidr(cidr, field);
  if (neverReached.some(blocked => covers(blocked, range)))
    throw new EngineError("invalid_config", `${field}: pods must not reach ${cidr}.`, {
      field,
      remedy: "Name the addresses of a server; metadata and loopback addresses are no sources.",
    });
  const except = withinDoors.filter(blocked => coversStrictly(cidr, blocked, field));
  return { ipBlock: { cidr, except: except.length === 0 ? undefined : except } };
}

export function blockOf(cidr: string, field: string): Draft {
  parseCidr(cidr, field);
  return { ipBlock: { cidr } };
}

/** The range without the link of the machine, where clouds answer with credentials. */
export function beyondTheLink(cidr: string, field: string): Draft {
  const except = neverReached.filter(blocked => coversStrictly(cidr, blocked, field));
  return { ipBlock: { cidr, except: except.length === 0 ? undefined : except } };
}

interface Range {
  address: string;
  bits: number;
  family: "ipv4" | "ipv6";
}

function parseCidr(cidr: string, field: string): Range {
  const [address = "", bits = "", more] = cidr.split("/");
  const family = isIPv6(address) ? "ipv6" : "ipv4";
  const list = new BlockList();
  try {
    if (!/^\d{1,3}$/.test(bits) || more !== undefined) throw new Error("no prefix length");
    list.addSubnet(address, Number(bits), family);
  } catch {
    throw new EngineError("invalid_config", `${field}: "${cidr}" is no range of addresses.`, {
      field,
      remedy: "Write one such as 10.1.0.0/16 or 2001:db8::/32.",
    });
  }
  return { address, bits: Number(bits), family };
}

function covers(outer: string, inner: Range): boolean {
  const range = parseCidr(outer, "");
  if (range.family !== inner.family || range.bits > inner.bits) return false;
  const list = new BlockList();
  list.addSubnet(range.address, range.bits, range.family);
  return list.check(inner.address, inner.family);
}

function coversStrictly(outer: string, inner: string, field: string): boolean {
  const range = parseCidr(inner, field);
  return covers(outer, range) && parseCidr(outer, field).bits < range.bits;
}
