/** createCluster: the verbs of Cluster over HTTP, without a client library. */
import type { KubernetesObject } from "../contract/kubernetes.ts";
import { type Clock, systemClock } from "../kit/clock.ts";
import { type Random, systemRandom } from "../kit/random.ts";
import type { ApplyOptions, Cluster, Informer, ObjectRef } from "./cluster.ts";
import type { Connection } from "./connection.ts";
import { discoverApis } from "./discovery.ts";
import { KubernetesError } from "./errors.ts";
import { createInformer, type InformerLog } from "./informer.ts";
import { collectionPath, kinds, objectPath, refOf } from "./kinds.ts";
import { readLines } from "./lines.ts";
import { listPages, slim } from "./listing.ts";
import { createTransport, type Transport } from "./transport.ts";

export interface ClusterOptions {
  log?: InformerLog;
  clock?: Clock;
  random?: Random;
}

const logLineCharactersMax = 1024 * 1024;

export function createCluster(connection: Connection, options: ClusterOptions = {}): Cluster {
  const { log, clock = systemClock, random = systemRandom } = options;
  const transport = createTransport(connection, clock);
  const informers = new Set<Informer>();
  const pathOf = (ref: ObjectRef, subresource?: string) =>
    objectPath(ref, ref.namespace ?? connection.defaultNamespace) +
    (subresource === undefined ? "" : `/${subresource}`);

  return {
    server: connection.server,
    defaultNamespace: connection.defaultNamespace,
    get: ref => getObject(transport, ref, pathOf(ref)),
    async list(kind, selection = {}) {
      const all: KubernetesObject[] = [];
      for await (const { items } of listPages(transport, kind, selection)) all.push(...items);
      return all;
    },
    inform(kind, selection, onEvent) {
      const informer = createInformer({
        transport,
        kind,
        selection,
        onEvent,
        clock,
        random,
        log,
      });
      informers.add(informer);
      return {
        ...informer,
        close: () => {
          informers.delete(informer);
          informer.close();
        },
      };
    },
    apply: (object, how) => {
      const ref = refOf(object);
      return applyObject(transport, object, pathOf(ref, how.subresource), how);
    },
    async merge(ref, patch, { subresource } = {}) {
      const object = await transport.json<KubernetesObject>({
        method: "PATCH",
        path: pathOf(ref, subresource),
        what: `change of ${titleOf(ref)}`,
        body: patch,
        contentType: "application/merge-patch+json",
      });
      return slimAny(object);
    },
    async create(object) {
      const ref = refOf(object);
      const made = await transport.json<KubernetesObject>({
        method: "POST",
        path: collectionPath(ref.kind, ref.namespace ?? connection.defaultNamespace),
        what: `creation of ${titleOf(ref)}`,
        body: object,
      });
      return slim(made, ref.kind);
    },
    remove: (ref, { propagation = "Background" } = {}) =>
      removeObject(transport, ref, pathOf(ref), propagation),
    logs: (pod, how, signal) => readLogs(transport, pod, how, signal),
    apis: () => discoverApis(transport),
    async request({ method, path, headers, body }, signal) {
      const reply = await transport.raw({
        method,
        path,
        what: path,
        signal,
        text: body,
        ...(headers === undefined ? {} : { headers }),
      });
      return { status: reply.statusCode ?? 0, body: reply };
    },
    async version() {
      const request = { method: "GET", path: "/version", what: "version" } as const;
      return (await transport.json<{ gitVersion: string }>(request)).gitVersion;
    },
    close() {
      for (const informer of informers) informer.close();
      informers.clear();
      transport.close();
    },
  };
}

async function getObject(
  transport: Transport,
  ref: ObjectRef,
  path: string,
): Promise<KubernetesObject | undefined> {
  try {
    const what = `reading of ${titleOf(ref)}`;
    return slim(await transport.json<KubernetesObject>({ method: "GET", path, what }), ref.kind);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

async function applyObject(
  transport: Transport,
  object: KubernetesObject,
  path: string,
  { fieldManager, force = false, dryRun = false }: ApplyOptions,
): Promise<KubernetesObject> {
  const query = new URLSearchParams({
    fieldManager,
    force: String(force),
    fieldValidation: "Strict",
    ...(dryRun ? { dryRun: "All" } : {}),
  });
  const applied = await transport.json<KubernetesObject>({
    method: "PATCH",
    path: `${path}?${query}`,
    what: `apply of ${titleOf(refOf(object))}`,
    body: object,
    // JSON is YAML.
    contentType: "application/apply-patch+yaml",
  });
  return slimAny(applied);
}

async function removeObject(
  transport: Transport,
  ref: ObjectRef,
  path: string,
  propagationPolicy: string,
): Promise<boolean> {
  try {
    await transport.json({
      method: "DELETE",
      path,
      what: `removal of ${titleOf(ref)}`,
      body: { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy },
    });
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

async function* readLogs(
  transport: Transport,
  { namespace, name, container }: { namespace: string; name: string; container?: string },
  { follow = false, tailLines, previous = false }: Parameters<Cluster["logs"]>[1],
  signal: AbortSignal,
): AsyncGenerator<string> {
  const query = new URLSearchParams({
    follow: String(follow),
    previous: String(previous),
    ...(container === undefined ? {} : { container }),
    ...(tailLines === undefined ? {} : { tailLines: String(tailLines) }),
  });
  const path = `${objectPath({ kind: kinds.pod, name }, namespace)}/log?${query}`;
  const what = `log of pod ${namespace}/${name}`;
  try {
    const reply = await transport.stream({
      method: "GET",
      path,
      what,
      signal,
      headers: { accept: "*/*" },
    });
    yield* readLines(reply, logLineCharactersMax);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function slimAny(object: KubernetesObject): KubernetesObject {
  return slim(object, { ...refOf(object).kind });
}

function isAbsent(error: unknown): boolean {
  return error instanceof KubernetesError && error.apiStatus === 404;
}

function titleOf({ kind, name, namespace }: ObjectRef): string {
  return `${kind.kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}
