/** Cluster: the few verbs of the Kubernetes API that this project needs, over plain objects. */
import type { KubernetesObject, ObjectKind } from "../contract/kubernetes.ts";

export interface ObjectRef {
  kind: ObjectKind;
  name: string;
  /** Required for namespaced kinds. */
  namespace?: string;
}

export interface Selection {
  namespace?: string;
  /** `key=value,key2`, as the API takes it. */
  labels?: string;
  fields?: string;
}

export interface WatchEvent {
  type: "added" | "modified" | "deleted";
  object: KubernetesObject;
}

/** What an Informer has seen; `objects` is live. */
export interface Informer {
  /** By `namespace/name` (`/name` for those without a namespace). */
  readonly objects: ReadonlyMap<string, KubernetesObject>;
  /** Resolves when the first list is in. */
  synced(): Promise<void>;
  close(): void;
}

export interface ApplyOptions {
  fieldManager: string;
  /** Takes fields over from other managers. */
  force?: boolean;
  /** The API server checks and changes nothing. */
  dryRun?: boolean;
  subresource?: "status" | "scale";
}

/**
 * Every failure is an EngineError `kubernetes_failed` with the API's own sentence, its status as `apiStatus`
 * and its reason (`Conflict`, `Forbidden`, `Invalid` …) as `apiReason`; an unreachable API is `kubernetes_unreachable`.
 */
export interface Cluster {
  /** Where it is, for messages. */
  readonly server: string;
  /** Namespace of the context or of the pod. */
  readonly defaultNamespace: string;
  get(ref: ObjectRef): Promise<KubernetesObject | undefined>;
  list(kind: ObjectKind, selection?: Selection): Promise<KubernetesObject[]>;
  /** Lists, then watches, and starts again when the connection or the version is lost, with backoff; never ends by itself. */
  inform(kind: ObjectKind, selection: Selection, onEvent: (event: WatchEvent) => void): Informer;
  /** Server-side apply; creates what is not there. */
  apply(object: KubernetesObject, options: ApplyOptions): Promise<KubernetesObject>;
  /** A JSON merge patch; with `resourceVersion` in its metadata it fails on a change in between. */
  merge(
    ref: ObjectRef,
    patch: { [field: string]: unknown },
    options?: { subresource?: "status" | "scale" | "resize" },
  ): Promise<KubernetesObject>;
  /** @throws when it is there already: `apiReason` AlreadyExists. */
  create(object: KubernetesObject): Promise<KubernetesObject>;
  /** False when there was none. */
  remove(
    ref: ObjectRef,
    options?: { propagation?: "Foreground" | "Background" | "Orphan" },
  ): Promise<boolean>;
  /** Lines of a pod's log as they come. */
  logs(
    pod: { namespace: string; name: string; container?: string },
    options: { follow?: boolean; tailLines?: number; previous?: boolean },
    signal: AbortSignal,
  ): AsyncIterable<string>;
  /** Every kind that the server serves in its preferred version, as `group/version/Kind` (`v1/Pod` for the core group). */
  apis(): Promise<Set<string>>;
  /** A request as it is, such as one through the API server to a Service (`…/services/http:NAME:PORT/proxy/PATH`); any status is a reply. */
  request(
    request: { method: string; path: string; headers?: Record<string, string>; body?: string },
    signal: AbortSignal,
  ): Promise<{ status: number; body: AsyncIterable<Uint8Array> }>;
  /** The server's version, such as v1.34.4. */
  version(): Promise<string>;
  close(): void;
}
