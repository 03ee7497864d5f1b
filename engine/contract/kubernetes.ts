/** What is fixed about Echorator's objects on Kubernetes: groups, labels, field managers and the shape of an object as data. */
import type { JsonValue } from "./chat.ts";

/** Any object of the Kubernetes API, as plain data. */
export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMetadata;
  [field: string]: JsonValue | ObjectMetadata | undefined;
}

export interface ObjectMetadata {
  name: string;
  namespace?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  /** Set by the API server. */
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** The custom resource of a model. */
export const modelResource = {
  group: "echorator.dev",
  version: "v1alpha1",
  apiVersion: "echorator.dev/v1alpha1",
  kind: "Model",
  plural: "models",
  singular: "model",
  shortNames: ["emodel"],
} as const;

/** Who writes fields by server-side apply. */
export const fieldManagers = {
  operator: "echorator-operator",
  /** Pods counts of a Deployment, and nothing else. */
  scaler: "echorator-scaler",
  cli: "kollama",
} as const;

/** Kubernetes' own labels first; selectors use the three that never change: name, instance and component (and `model`). */
export const labels = {
  name: "app.kubernetes.io/name",
  instance: "app.kubernetes.io/instance",
  component: "app.kubernetes.io/component",
  partOf: "app.kubernetes.io/part-of",
  version: "app.kubernetes.io/version",
  managedBy: "app.kubernetes.io/managed-by",
  /** Name of the model that an object serves. */
  model: "echorator.dev/model",
  /** `stable` or `canary`. */
  track: "echorator.dev/track",
  /** `"true"` on volumes with data and on what they are in: taking an installation down leaves these. */
  kept: "echorator.dev/kept",
  /** Installation whose gateways take the keys of a ConfigMap: one entry a key, its KeySpec as JSON. */
  keys: "echorator.dev/keys",
} as const;

/** What runs in a pod of ours; the value of the component label. */
export const componentNames = ["gateway", "worker", "operator", "postgres", "valkey"] as const;
export type ComponentName = (typeof componentNames)[number];

export const annotations = {
  /** Digest of what a pod reads at its start, so that a change of it rolls the pods and nothing else does. */
  configDigest: "echorator.dev/config-digest",
  /** When a gateway last needed the model (RFC 3339); idle time counts from here. */
  lastUsed: "echorator.dev/last-used",
  /** `declared`: the platform wants this Service to be reached from outside. */
  public: "echorator.dev/public",
} as const;

/** Keys of the ConfigMap that stands for one model: the gateway's route and the worker's configuration. */
export const modelConfigKeys = {
  /** RouteConfig as JSON: what gateways read, live. */
  route: "route.json",
  /** EngineConfig as YAML: what the worker reads at its start. */
  engine: "engine.yaml",
  /** The same for the canary's workers, mounted under the same file name. */
  canary: "canary.yaml",
} as const;

/** Where pods of ours find what is mounted. */
export const mountPaths = {
  home: "/home/echorator",
  weights: "/home/echorator/weights",
  /** Weights of a claim or an image, read-only. */
  models: "/models",
  config: "/etc/echorator",
  configFile: "/etc/echorator/engine.yaml",
  /** In gateways: one file a key of the Secret `<installation>-endpoints`, for `openai:` models. */
  endpoints: "/etc/echorator-endpoints",
  /** In gateways: `url` of the database and of the cache. */
  database: "/etc/echorator-database",
  cache: "/etc/echorator-cache",
} as const;

/** Object and group-version-kind by which the API addresses it. */
export interface ObjectKind {
  apiVersion: string;
  kind: string;
  /** As in the URL: `deployments`. */
  plural: string;
  namespaced: boolean;
}
