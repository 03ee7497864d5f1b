/** NetworkPolicies of one model: gateways and monitoring come in; out goes only what fetches weights. */
import { isIP } from "node:net";
import { defaultPorts } from "../contract/endpoints.ts";
import type { ModelSpec } from "../contract/model.ts";
import type { Platform } from "../contract/platform.ts";
import { parseSource, type Source } from "../contract/source.ts";
import { selectorLabels } from "./names.ts";
import { dnsEgress, monitoringPods, outsideOf, podsOf, tcp } from "./network.ts";
import type { Draft } from "./objects.ts";
import { fetchedSources } from "./weights.ts";

export function workerPolicy(spec: ModelSpec, platform: Platform): Draft {
  const sources = fetchedSources(spec);
  return {
    podSelector: { matchLabels: selectorLabels(platform, "worker", spec.name) },
    policyTypes: ["Ingress", "Egress"],
    ingress: [
      {
        from: [podsOf(platform, "gateway"), monitoringPods(platform)],
        ports: tcp(defaultPorts.main),
      },
    ],
    egress: sources.length === 0 ? undefined : [dnsEgress, toSources(platform, sources)],
  };
}

/** To a range alone: the names of hosts are nothing that a NetworkPolicy knows. */
function toSources(platform: Platform, sources: readonly Source[]): Draft {
  const ports = [...new Set(sources.map(portOf))].sort((a, b) => a - b);
  return {
    to: platform.sourceCidrs.map(cidr => outsideOf(cidr, "sourceCidrs")),
    ports: tcp(...ports),
  };
}

function portOf(source: Source): number {
  if (source.scheme !== "https") return 443;
  const { port, protocol } = new URL(source.url);
  return port === "" ? (protocol === "http:" ? 80 : 443) : Number(port);
}

/** A server of others: gateways may reach it, and nothing changes for anyone else. */
export function endpointPolicy(spec: ModelSpec, platform: Platform): Draft {
  const source = parseSource(spec.source);
  const url = new URL(source.scheme === "openai" ? source.url : "https://invalid");
  const port = url.port === "" ? (url.protocol === "http:" ? 80 : 443) : Number(url.port);
  return {
    podSelector: { matchLabels: selectorLabels(platform, "gateway") },
    policyTypes: ["Egress"],
    egress: [{ to: toHost(url.hostname, platform), ports: tcp(port) }],
  };
}

function toHost(hostname: string, platform: Platform): Draft[] {
  const address = hostname.replace(/^\[|\]$/g, "");
  const family = isIP(address);
  if (family !== 0) return [outsideOf(`${address}/${family === 6 ? 128 : 32}`, "source")];
  const namespace = /^[^.]+\.([^.]+)\.svc(\..+)?$/.exec(hostname)?.[1];
  if (namespace !== undefined)
    return [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } }];
  return platform.sourceCidrs.map(cidr => outsideOf(cidr, "sourceCidrs"));
}
