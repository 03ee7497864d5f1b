/** Who reaches whom: the computed reachability of an installation with its models is the declared one, and nothing more. */
import { describe, expect, test } from "vitest";
import { EngineError } from "../../../engine/contract/errors.ts";
import type { ComponentName } from "../../../engine/contract/kubernetes.ts";
import { ModelSpec, type ModelSpecInput } from "../../../engine/contract/model.ts";
import { Platform, type PlatformInput } from "../../../engine/contract/platform.ts";
import { planInstallation } from "../../../engine/manifests/installation.ts";
import { planModel } from "../../../engine/manifests/model.ts";
import { selectorLabels } from "../../../engine/manifests/names.ts";
import { outsideOf } from "../../../engine/manifests/network.ts";
import { type Door, type Peer, reaches } from "../../support/manifests/reachability.ts";

const full: PlatformInput = {
  database: { kind: "postgres", image: "postgres:17", password: { name: "db" } },
  cache: { kind: "valkey", image: "valkey:8" },
};

const specs: ModelSpecInput[] = [
  { name: "bundled", source: "bundled:echo-tiny" },
  {
    name: "fetched",
    source: "hf:owner/repo/model.gguf",
    canary: { source: "bundled:echo-tiny", weight: 5 },
  },
  { name: "claimed", source: "pvc://claim/model.gguf" },
];

function policiesOf(input: PlatformInput, models: ModelSpecInput[] = specs) {
  const platform = Platform.parse(input);
  const common = { platform, version: "0.1.0", managedBy: "test" };
  const objects = [
    ...planInstallation({ ...common, settings: { auth: "none" } }),
    ...models.flatMap(
      spec => planModel({ ...common, spec: ModelSpec.parse(spec), shape: undefined }).objects,
    ),
  ];
  return { platform, policies: objects.filter(({ kind }) => kind === "NetworkPolicy") };
}

function peersOf(platform: Platform): Record<string, Peer> {
  const { namespace } = platform;
  const own = (component: ComponentName, model?: string): Peer => ({
    namespace,
    labels: selectorLabels(platform, component, model),
  });
  const other = (place: string, labels: Record<string, string>): Peer => ({
    namespace: place,
    labels,
  });
  return {
    gateway: own("gateway"),
    "worker of bundled": own("worker", "bundled"),
    "worker of fetched": own("worker", "fetched"),
    "canary of fetched": {
      namespace,
      labels: { ...selectorLabels(platform, "worker", "fetched"), "echorator.dev/track": "canary" },
    },
    "worker of claimed": own("worker", "claimed"),
    postgres: own("postgres"),
    valkey: own("valkey"),
    "stranger in the namespace": other(namespace, { app: "stranger" }),
    prometheus: other("monitoring", { "app.kubernetes.io/name": "prometheus" }),
    "false prometheus": other("default", { "app.kubernetes.io/name": "prometheus" }),
    "false gateway": other("default", selectorLabels(platform, "gateway")),
    dns: other("kube-system", { "k8s-app": "kube-dns" }),
    "pod elsewhere": other("default", { app: "client" }),
    internet: { address: "93.184.216.34" },
    "metadata service": { address: "169.254.169.254" },
    "private net": { address: "10.96.0.1" },
    "metadata service by IPv6": { address: "fd00:ec2::254" },
  };
}

const doors: Record<string, Door> = {
  engine: { port: 5_000, protocol: "TCP" },
  ollama: { port: 11_434, protocol: "TCP" },
  https: { port: 443, protocol: "TCP" },
  api: { port: 6_443, protocol: "TCP" },
  http: { port: 80, protocol: "TCP" },
  dns: { port: 53, protocol: "UDP" },
  dnsTcp: { port: 53, protocol: "TCP" },
  postgres: { port: 5_432, protocol: "TCP" },
  valkey: { port: 6_379, protocol: "TCP" },
  ssh: { port: 22, protocol: "TCP" },
};

/** Everything that involves a pod of ours and passes, as sentences. */
function table(input: PlatformInput, models?: ModelSpecInput[]): string[] {
  const { platform, policies } = policiesOf(input, models);
  const peers = Object.entries(peersOf(platform));
  const isOurs = (peer: Peer) => "namespace" in peer && peer.namespace === platform.namespace;
  return peers
    .flatMap(([from, one]) =>
      peers
        .filter(([to, other]) => to !== from && (isOurs(one) || isOurs(other)))
        .flatMap(([to, other]) => {
          const open = Object.entries(doors).filter(([, door]) =>
            reaches(policies, one, other, door),
          );
          return open.length === 0
            ? []
            : [`${from} → ${to}: ${open.map(([name]) => name).join(" ")}`];
        }),
    )
    .sort();
}

const workers = [
  "worker of bundled",
  "worker of fetched",
  "canary of fetched",
  "worker of claimed",
];
const outsiders = [
  "prometheus",
  "false prometheus",
  "false gateway",
  "dns",
  "pod elsewhere",
  "internet",
  "metadata service",
  "private net",
  "metadata service by IPv6",
];

/** Whose connections arrive; an address outside stands for whoever may have it. */
const clients = outsiders.map(from => `${from} → gateway: engine ollama`);

const declared = [
  ...clients,
  ...workers.map(worker => `gateway → ${worker}: engine`),
  ...workers.map(worker => `prometheus → ${worker}: engine`),
  "gateway → postgres: postgres",
  "gateway → valkey: valkey",
  "gateway → dns: dns dnsTcp",
  "gateway → internet: https api",
  "gateway → private net: https api",
  ...["worker of fetched", "canary of fetched"].flatMap(worker => [
    `${worker} → dns: dns dnsTcp`,
    `${worker} → internet: https`,
  ]),
];

describe("reachability", () => {
  test("is the declared one", () => {
    expect(table(full)).toEqual([...declared].sort());
  });

  test("of an installation of one gateway has no stores", () => {
    const without = declared.filter(line => !/postgres|valkey/.test(line));
    expect(table({})).toEqual(without.sort());
  });

  test("of gateways for some clients alone", () => {
    const open = table({ ...full, clientCidrs: ["93.184.0.0/16"] }).filter(line =>
      line.includes("→ gateway"),
    );
    expect(open).toEqual(["internet → gateway: engine ollama", "prometheus → gateway: engine"]);
  });

  test("of the API's own address alone", () => {
    const open = table({ ...full, apiCidrs: ["10.96.0.1/32"] }).filter(line => /https/.test(line));
    expect(open).toEqual([
      "canary of fetched → internet: https",
      "gateway → private net: https api",
      "worker of fetched → internet: https",
    ]);
  });

  test("of a mirror within the private net, when it is named", () => {
    const open = table({ sourceCidrs: ["10.96.0.0/24"] }).filter(line => /^worker/.test(line));
    expect(open).toEqual([
      "worker of fetched → dns: dns dnsTcp",
      "worker of fetched → private net: https",
    ]);
  });

  test("of workers with sources in IPv6 leaves metadata out as well", () => {
    const open = table({ sourceCidrs: ["::/0"] }).filter(line => /^worker/.test(line));
    expect(open).toEqual(["worker of fetched → dns: dns dnsTcp"]);
  });

  test("of a server of others is the gateways' alone", () => {
    const named = (source: string) =>
      table({}, [{ name: "else", source }]).filter(
        line => /^gateway → /.test(line) && !/worker|canary/.test(line),
      );
    const usual = [
      "gateway → dns: dns dnsTcp",
      "gateway → internet: https api",
      "gateway → private net: https api",
    ];
    expect(named("openai:https://api.example.org/v1#m")).toEqual(usual);
    expect(named("openai:http://93.184.216.34/v1#m")).toContain(
      "gateway → internet: https api http",
    );
    expect(() => named("openai:http://169.254.169.254/v1#m")).toThrow(/must not reach/);
    expect(named("openai:http://vllm.default.svc.cluster.local:5432/v1#m")).toContain(
      "gateway → pod elsewhere: postgres",
    );
  });

  test("without policies there is no object of them", () => {
    expect(policiesOf({ networkPolicies: false }).policies).toEqual([]);
  });
});

describe("ranges", () => {
  test.each([
    "169.254.169.254/32",
    "127.0.0.1/32",
    "fd00:ec2::254/128",
    "169.254.0.0/16",
    "::1/128",
    "fe80::1/128",
  ])("%s is no source", cidr => {
    expect(() => outsideOf(cidr, "sourceCidrs")).toThrow(EngineError);
  });

  test.each(["10.0.0.0", "10.0.0.0/33", "300.0.0.0/8", "example.org/24", "10.0.0.0/8/8", ""])(
    "%j is no range",
    cidr => {
      expect(() => outsideOf(cidr, "sourceCidrs")).toThrow(/no range/);
    },
  );

  test("a range without anything of ours has no exceptions", () => {
    expect(outsideOf("93.184.216.0/24", "")).toEqual({ ipBlock: { cidr: "93.184.216.0/24" } });
  });

  test("a database of others must be named by its addresses", () => {
    const database = { kind: "external" as const, url: { name: "db" } };
    expect(() => policiesOf({ database })).toThrow(/database.egress is empty/);
    expect(() => policiesOf({ database, networkPolicies: false })).not.toThrow();
  });
});
