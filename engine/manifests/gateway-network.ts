/** NetworkPolicies of an installation: nothing passes but what is written here. */
import { defaultPorts } from "../contract/endpoints.ts";
import { EngineError } from "../contract/errors.ts";
import type { Platform } from "../contract/platform.ts";
import { selectorLabels } from "./names.ts";
import {
  beyondTheLink,
  blockOf,
  dnsEgress,
  everyone,
  monitoringPods,
  podsOf,
  tcp,
} from "./network.ts";
import { type Draft, present } from "./objects.ts";

/** A direction without rules lets nothing through; an empty list the server would drop, and see as a change each time. */
export const denyAll: Draft = { podSelector: {}, policyTypes: ["Ingress", "Egress"] };

export const storePorts = { postgres: 5_432, valkey: 6_379 } as const;

export function gatewayPolicy(platform: Platform): Draft {
  return {
    podSelector: { matchLabels: selectorLabels(platform, "gateway") },
    policyTypes: ["Ingress", "Egress"],
    ingress: [
      { from: clients(platform), ports: tcp(defaultPorts.main, defaultPorts.ollama) },
      { from: [monitoringPods(platform)], ports: tcp(defaultPorts.main) },
    ],
    egress: present<Draft>(
      dnsEgress,
      apiEgress(platform),
      { to: [podsOf(platform, "worker")], ports: tcp(defaultPorts.main) },
      databaseEgress(platform),
      cacheEgress(platform),
    ),
  };
}

/** Some networks match pods by no range of addresses, so everyone is said by naming no one. */
function clients(platform: Platform): Draft {
  if (platform.clientCidrs.includes(everyone[0])) return undefined;
  return platform.clientCidrs.map(cidr => blockOf(cidr, "clientCidrs"));
}

export function isOpenToAll(platform: Platform): boolean {
  return clients(platform) === undefined;
}

/** The API's addresses are the cluster's own, so of the defaults only the metadata service's net is left out. */
export function apiEgress(platform: Platform): Draft {
  return {
    to: platform.apiCidrs.map(cidr => beyondTheLink(cidr, "apiCidrs")),
    ports: tcp(443, 6_443),
  };
}

function databaseEgress(platform: Platform): Draft {
  const { database } = platform;
  if (database.kind === "embedded") return undefined;
  if (database.kind === "postgres")
    return { to: [podsOf(platform, "postgres")], ports: tcp(storePorts.postgres) };
  return toNamed(database.egress, "database.egress");
}

function cacheEgress(platform: Platform): Draft {
  const { cache } = platform;
  if (cache.kind === "none") return undefined;
  if (cache.kind === "valkey")
    return { to: [podsOf(platform, "valkey")], ports: tcp(storePorts.valkey) };
  return toNamed(cache.egress, "cache.egress");
}

/** The port is in a Secret that no plan reads, so all of TCP is open to these addresses. */
function toNamed(cidrs: readonly string[], field: string): Draft {
  if (cidrs.length > 0)
    return { to: cidrs.map(cidr => blockOf(cidr, field)), ports: [{ protocol: "TCP" }] };
  throw new EngineError("invalid_config", `No gateway can reach the server: ${field} is empty.`, {
    field,
    remedy: "Name its addresses, such as 10.20.0.0/24, or set `networkPolicies: false`.",
  });
}

/** A store: gateways come in, nothing goes out. */
export function storePolicy(platform: Platform, store: "postgres" | "valkey"): Draft {
  return {
    podSelector: { matchLabels: selectorLabels(platform, store) },
    policyTypes: ["Ingress", "Egress"],
    ingress: [{ from: [podsOf(platform, "gateway")], ports: tcp(storePorts[store]) }],
  };
}
