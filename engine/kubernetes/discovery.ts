/** Which kinds an API server serves: aggregated in two requests, or group by group where it is older. */
import type { Transport } from "./transport.ts";

interface AggregatedList {
  kind: "APIGroupDiscoveryList";
  items: {
    metadata?: { name?: string };
    versions?: {
      version: string;
      resources?: { responseKind?: { kind?: string }; resource: string }[];
    }[];
  }[];
}

interface GroupList {
  kind: "APIGroupList" | "APIVersions";
  versions?: string[];
  groups?: { name: string; preferredVersion?: { groupVersion: string } }[];
}

interface ResourceList {
  resources?: { name: string; kind: string }[];
}

const accept =
  "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

/** `group/version/Kind`, and `v1/Kind` for the core group; each kind in the version that its group prefers. */
export async function discoverApis(transport: Transport): Promise<Set<string>> {
  const parts = await Promise.all(["/api", "/apis"].map(path => discover(transport, path)));
  return new Set(parts.flat());
}

async function discover(transport: Transport, path: string): Promise<string[]> {
  const request = { method: "GET", path, headers: { accept }, what: "discovery" };
  const reply = await transport.json<AggregatedList | GroupList>(request);
  if (reply.kind === "APIGroupDiscoveryList") return fromAggregated(reply);
  const groupVersions = [
    ...(reply.versions ?? []),
    ...(reply.groups ?? []).flatMap(group => group.preferredVersion?.groupVersion ?? []),
  ];
  const lists = groupVersions.map(async groupVersion => {
    // An aggregated server that is away must not hide the others.
    const list = await transport
      .json<ResourceList>({ method: "GET", path: `${path}/${groupVersion}`, what: "discovery" })
      .catch((): ResourceList => ({}));
    return (list.resources ?? [])
      .filter(({ name }) => !name.includes("/"))
      .map(({ kind }) => `${groupVersion}/${kind}`);
  });
  return (await Promise.all(lists)).flat();
}

function fromAggregated({ items }: AggregatedList): string[] {
  return items.flatMap(({ metadata, versions = [] }) => {
    const group = metadata?.name ? `${metadata.name}/` : "";
    const seen = new Map<string, string>();
    for (const { version, resources = [] } of versions)
      for (const { responseKind } of resources) {
        const kind = responseKind?.kind;
        if (kind && !seen.has(kind)) seen.set(kind, `${group}${version}/${kind}`);
      }
    return [...seen.values()];
  });
}
