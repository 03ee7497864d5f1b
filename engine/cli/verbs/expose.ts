/** kollama expose: lets clients outside of the cluster reach the gateway. */
import type { JsonValue } from "../../contract/chat.ts";
import { defaultPorts } from "../../contract/endpoints.ts";
import { EngineError } from "../../contract/errors.ts";
import { fieldManagers, type KubernetesObject, labels } from "../../contract/kubernetes.ts";
import type { Cluster } from "../../kubernetes/cluster.ts";
import { kinds } from "../../kubernetes/kinds.ts";
import { applyInOrder } from "../apply.ts";
import { wantCluster } from "../cluster-only.ts";
import type { Invocation, Verb } from "../command.ts";
import type { ClusterPlace } from "../places/cluster-place.ts";

const ways = ["LoadBalancer", "NodePort", "ClusterIP", "Ingress", "HTTPRoute"] as const;
type Way = (typeof ways)[number];

export const expose: Verb = {
  name: "expose",
  summary: "Let clients outside of the cluster reach the gateway.",
  usage: "--type LoadBalancer|NodePort|ClusterIP|Ingress|HTTPRoute [--host H] [--tls SECRET]",
  help: [
    "  kollama expose --type LoadBalancer",
    "  kollama expose --type Ingress --host models.example.com --tls models-tls",
    "  kollama expose --type HTTPRoute --host models.example.com --gateway public",
    "",
    "The next `kollama install` sets the Service as its platform says: keep it by --set gateway.service=LoadBalancer.",
    "Without keys an exposed gateway answers everyone: make one first with kollama key create.",
  ].join("\n"),
  options: {
    type: { type: "string", value: "KIND", help: "how", choices: ways },
    host: { type: "string", value: "NAME", help: "host name of an Ingress or HTTPRoute" },
    tls: { type: "string", value: "SECRET", help: "Secret with the certificate (Ingress)" },
    class: { type: "string", value: "NAME", help: "IngressClass" },
    gateway: { type: "string", value: "NAME", help: "Gateway of the cluster (HTTPRoute)" },
  },
  async run(invocation) {
    const way = ways.find(one => one === invocation.options.type);
    if (way === undefined)
      throw new EngineError("invalid_request", "How is the gateway to be reached?", {
        field: "type",
        remedy: `Write --type ${ways.join("|")}.`,
      });
    const place = await wantCluster(invocation);
    if (way === "Ingress" || way === "HTTPRoute") await route(invocation, place, way);
    else await setServiceType(invocation, place, way);
  },
};

async function setServiceType(
  { streams, now, sleep, signal }: Invocation,
  { cluster, namespace, installation }: ClusterPlace,
  type: Way,
): Promise<void> {
  const ref = { kind: kinds.service, namespace, name: installation };
  await cluster.merge(ref, { spec: { type } });
  streams.out(`service/${installation} is a ${type} now\n`);
  if (type !== "LoadBalancer") return;
  const end = now() + 60_000;
  while (!signal.aborted && now() < end) {
    const address = readAddress(await cluster.get(ref));
    if (address !== undefined) {
      streams.out(`http://${address}:${defaultPorts.main}\n`);
      return;
    }
    await sleep(500, signal);
  }
  streams.tell("It has no address yet; the cluster's load balancer gives one.\n");
}

function readAddress(service: KubernetesObject | undefined): string | undefined {
  const status = service?.status as
    | { loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] } }
    | undefined;
  const first = status?.loadBalancer?.ingress?.[0];
  return first?.ip ?? first?.hostname;
}

async function route(
  invocation: Invocation,
  place: ClusterPlace,
  way: "Ingress" | "HTTPRoute",
): Promise<void> {
  const { options, streams } = invocation;
  const text = (name: string) => (typeof options[name] === "string" ? options[name] : undefined);
  const host = text("host");
  if (host === undefined)
    throw new EngineError("invalid_request", `${way} needs a host name.`, {
      field: "host",
      remedy: "Write --host models.example.com.",
    });
  const planned = { host, tls: text("tls"), class: text("class"), gateway: text("gateway") };
  const object = way === "Ingress" ? planIngress(place, planned) : planRoute(place, planned);
  await applyInOrder(invocation, place.cluster, [object], false);
  streams.out(`${planned.tls === undefined && way === "Ingress" ? "http" : "https"}://${host}\n`);
}

interface RoutePlan {
  host: string;
  tls: string | undefined;
  class: string | undefined;
  gateway: string | undefined;
}

type Owner = Pick<ClusterPlace, "namespace" | "installation">;

export function planIngress({ namespace, installation }: Owner, plan: RoutePlan): KubernetesObject {
  const backend = { service: { name: installation, port: { number: defaultPorts.main } } };
  const spec: { [field: string]: JsonValue } = {
    rules: [{ host: plan.host, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }],
  };
  if (plan.class !== undefined) spec.ingressClassName = plan.class;
  if (plan.tls !== undefined) spec.tls = [{ hosts: [plan.host], secretName: plan.tls }];
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: exposedAs(namespace, installation),
    spec,
  };
}

export function planRoute({ namespace, installation }: Owner, plan: RoutePlan): KubernetesObject {
  if (plan.gateway === undefined)
    throw new EngineError("invalid_request", "HTTPRoute needs the Gateway that it belongs to.", {
      field: "gateway",
      remedy: "Write --gateway NAME.",
    });
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: exposedAs(namespace, installation),
    spec: {
      parentRefs: [{ name: plan.gateway }],
      hostnames: [plan.host],
      rules: [{ backendRefs: [{ name: installation, port: defaultPorts.main }] }],
    },
  };
}

function exposedAs(namespace: string, installation: string): KubernetesObject["metadata"] {
  const name = `${installation}-exposed`;
  return { name, namespace, labels: { [labels.managedBy]: fieldManagers.cli } };
}

/** For `uninstall`: whatever this verb has made, where the cluster knows such objects. */
export async function removeExposed(
  cluster: Cluster,
  namespace: string,
  installation: string,
): Promise<void> {
  const known = await cluster.apis();
  for (const kind of [kinds.ingress, kinds.httpRoute])
    if (known.has(`${kind.apiVersion}/${kind.kind}`))
      await cluster.remove({ kind, namespace, name: `${installation}-exposed` });
}
