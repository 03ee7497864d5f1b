/** A cluster as a place: Model resources where the operator is, and the models of rendered manifests beside them. */
import { isDeepStrictEqual } from "node:util";
import type { RouteConfig } from "../../contract/config.ts";
import { defaultPorts } from "../../contract/endpoints.ts";
import { EngineError } from "../../contract/errors.ts";
import {
  fieldManagers,
  type KubernetesObject,
  labels,
  modelConfigKeys,
  modelResource,
} from "../../contract/kubernetes.ts";
import type { ModelSpec } from "../../contract/model.ts";
import type { Cluster, ObjectRef } from "../../kubernetes/cluster.ts";
import { kinds } from "../../kubernetes/kinds.ts";
import { createEngineClient, type EngineClient } from "../engine-client.ts";
import { checkSpec } from "../model-options.ts";
import type { ModelDetail, Place, PlacedModel } from "../place.ts";
import { gatherEvidence } from "./cluster-evidence.ts";
import { followLogs } from "./cluster-logs.ts";
import { fromResource, fromRoute, previousSpec, toSections } from "./cluster-models.ts";

export interface ClusterPlaceOptions {
  cluster: Cluster;
  namespace: string;
  /** Prefix of the objects that serve all models. */
  installation: string;
  key: string | undefined;
}

/** What verbs of clusters alone need besides the Place. */
export interface ClusterPlace extends Place {
  readonly kind: "cluster";
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly installation: string;
}

export function createClusterPlace(options: ClusterPlaceOptions): ClusterPlace {
  const { cluster, namespace, installation } = options;
  const ref = (name: string): ObjectRef => ({ kind: kinds.model, namespace, name });
  return {
    kind: "cluster",
    cluster,
    namespace,
    installation,
    title: `cluster ${cluster.server} namespace ${namespace}`,
    models: () => listModels(cluster, namespace),
    model: name => describeModel(cluster, namespace, name),
    async deploy({ name, ...spec }) {
      await wantOperator(cluster);
      await refuseDeclaredElsewhere(cluster, namespace, name);
      const { apiVersion, kind } = modelResource;
      const before = await cluster.get(ref(name));
      const wanted = structuredClone(spec) as unknown as KubernetesObject["spec"];
      const annotations = rememberSpec(before, wanted);
      const metadata = { name, namespace, annotations };
      const object = { apiVersion, kind, metadata, spec: wanted };
      await cluster.apply(object, { fieldManager: fieldManagers.cli, force: true });
    },
    watch: (name, signal) => watchModel(cluster, ref(name), signal),
    async undeploy(name) {
      const gone = await cluster.remove(ref(name), { propagation: "Background" });
      if (gone) return;
      await refuseDeclaredElsewhere(cluster, namespace, name);
      throw noSuchModel(name, namespace);
    },
    async scale(name, replicas) {
      if ((await cluster.get(ref(name))) === undefined) {
        await refuseDeclaredElsewhere(cluster, namespace, name);
        throw noSuchModel(name, namespace);
      }
      const current = replicas.min === replicas.max ? { current: replicas.min } : {};
      await cluster.merge(ref(name), { spec: { replicas: { ...replicas, ...current } } });
    },
    logs: (name, wanted, signal) => followLogs(cluster, { namespace, model: name }, wanted, signal),
    engine: async () => openGateway(options),
    evidence: async name => {
      const model = name === undefined ? undefined : await tryDescribe(cluster, namespace, name);
      return await gatherEvidence(
        cluster,
        { namespace, name, installation },
        model,
        openGateway(options),
      );
    },
    followUp: () => undefined,
    close: () => cluster.close(),
  };
}

/** The gateway through the API server, so that nothing has to be exposed or forwarded. */
export function openGateway({
  cluster,
  namespace,
  installation,
  key,
}: ClusterPlaceOptions): EngineClient {
  const prefix = `/api/v1/namespaces/${namespace}/services/http:${installation}:${defaultPorts.main}/proxy`;
  return createEngineClient(
    `gateway ${installation} in ${namespace}`,
    (request, signal) =>
      cluster.request(
        {
          method: request.method,
          path: `${prefix}${request.path}`,
          headers: request.headers,
          ...(request.body === undefined ? {} : { body: request.body }),
        },
        signal,
      ),
    key,
  );
}

async function listModels(cluster: Cluster, namespace: string): Promise<PlacedModel[]> {
  const resources = (await hasOperator(cluster))
    ? await cluster.list(kinds.model, { namespace })
    : [];
  const own = resources.map(fromResource);
  const known = new Set(own.map(model => model.name));
  const routes = await listRoutes(cluster, namespace);
  const others = [...routes.keys()].filter(name => !known.has(name));
  const declared = await Promise.all(
    others.map(name => placeOfRoute(cluster, namespace, routes.get(name) as RouteConfig)),
  );
  return [...own, ...declared].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What gateways read: the models of every way in which they can be declared. */
async function listRoutes(cluster: Cluster, namespace: string): Promise<Map<string, RouteConfig>> {
  const maps = await cluster.list(kinds.configMap, { namespace, labels: labels.model });
  const routes = maps.flatMap(map => {
    const text = (map.data as Record<string, string> | undefined)?.[modelConfigKeys.route];
    return text === undefined ? [] : [JSON.parse(text) as RouteConfig];
  });
  return new Map(routes.map(route => [route.spec.name, route]));
}

async function placeOfRoute(
  cluster: Cluster,
  namespace: string,
  route: RouteConfig,
): Promise<PlacedModel> {
  const { workload } = route;
  if (workload === undefined) return fromRoute(route, undefined);
  const kind = workload.kind === "Deployment" ? kinds.deployment : kinds.statefulSet;
  return fromRoute(route, await cluster.get({ kind, namespace, name: workload.name }));
}

async function describeModel(
  cluster: Cluster,
  namespace: string,
  name: string,
): Promise<ModelDetail> {
  const object = (await hasOperator(cluster))
    ? await cluster.get({ kind: kinds.model, namespace, name })
    : undefined;
  if (object !== undefined) {
    const placed = fromResource(object);
    return { ...placed, spec: toSpec(object), sections: toSections(object) };
  }
  const route = (await listRoutes(cluster, namespace)).get(name);
  if (route === undefined) throw noSuchModel(name, namespace);
  const placed = await placeOfRoute(cluster, namespace, route);
  return { ...placed, spec: route.spec, sections: [] };
}

async function tryDescribe(cluster: Cluster, namespace: string, name: string) {
  return await describeModel(cluster, namespace, name).catch(error => {
    if (error instanceof EngineError && error.code === "model_not_found") return undefined;
    throw error;
  });
}

function toSpec(object: KubernetesObject): ModelSpec {
  const spec = structuredClone(object.spec ?? {}) as Record<string, unknown> & {
    replicas?: { current?: number };
  };
  delete spec.replicas?.current;
  return checkSpec({ ...spec, name: object.metadata.name });
}

async function* watchModel(
  cluster: Cluster,
  ref: ObjectRef,
  signal: AbortSignal,
): AsyncIterable<PlacedModel> {
  let wake: () => void = () => undefined;
  let last = "";
  const selection = { namespace: ref.namespace ?? "", fields: `metadata.name=${ref.name}` };
  const informer = cluster.inform(ref.kind, selection, () => wake());
  const onAbort = () => wake();
  signal.addEventListener("abort", onAbort);
  try {
    await informer.synced();
    while (!signal.aborted) {
      const changed = new Promise<void>(resolve => {
        wake = resolve;
      });
      const object = informer.objects.get(`${ref.namespace}/${ref.name}`);
      const model = object === undefined ? undefined : fromResource(object);
      const text = JSON.stringify(model);
      if (model !== undefined && text !== last) yield model;
      last = text ?? "";
      await changed;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    informer.close();
  }
}

async function hasOperator(cluster: Cluster): Promise<boolean> {
  const { apiVersion, kind } = modelResource;
  return (await cluster.apis()).has(`${apiVersion}/${kind}`);
}

async function wantOperator(cluster: Cluster): Promise<void> {
  if (await hasOperator(cluster)) return;
  throw new EngineError("not_found", `${cluster.server} does not know Model resources.`, {
    remedy: "Install the operator: kollama install.",
  });
}

/** What a stack or rendered manifests declare is not this tool's to change. */
async function refuseDeclaredElsewhere(
  cluster: Cluster,
  namespace: string,
  name: string,
): Promise<void> {
  const maps = await cluster.list(kinds.configMap, {
    namespace,
    labels: `${labels.model}=${name}`,
  });
  const by = maps[0]?.metadata.labels?.[labels.managedBy];
  if (by === undefined || by === fieldManagers.operator) return;
  throw new EngineError("owned_by_stack", `The model "${name}" is declared by ${by}.`, {
    remedy:
      "Change it where it is declared: in the stack's configuration or the rendered manifests.",
  });
}

/** What `kollama rollout undo` goes back to; the same spec again leaves it as it is. */
function rememberSpec(
  before: KubernetesObject | undefined,
  wanted: KubernetesObject["spec"],
): Record<string, string> {
  if (before === undefined) return {};
  const isSame = isDeepStrictEqual(
    { ...(before.spec as object), ...(wanted as object) },
    before.spec,
  );
  const known = before.metadata.annotations?.[previousSpec];
  const text = isSame ? known : JSON.stringify(before.spec);
  return text === undefined ? {} : { [previousSpec]: text };
}

function noSuchModel(name: string, namespace: string): EngineError {
  return new EngineError(
    "model_not_found",
    `There is no model "${name}" in namespace ${namespace}.`,
    {
      remedy: "See kollama list; --namespace names another namespace.",
    },
  );
}
