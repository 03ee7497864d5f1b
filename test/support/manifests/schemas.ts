/** Objects against the published schemas of Kubernetes, unknown fields included. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { KubernetesObject } from "../../../engine/contract/kubernetes.ts";

const require = createRequire(import.meta.url);
/** The package exports its classes only; the functions that check are beside them. */
const schemas = join(dirname(require.resolve("kubernetes-models")), "_schemas");

const groups: Record<string, string> = {
  v1: "CoreV1",
  "apps/v1": "AppsV1",
  "policy/v1": "PolicyV1",
  "networking.k8s.io/v1": "NetworkingV1",
  "rbac.authorization.k8s.io/v1": "RbacV1",
  "autoscaling/v2": "AutoscalingV2",
};

/** Of other projects: what a plan may write at all, field by field. */
const foreign: Record<string, RegExp> = {
  "monitoring.coreos.com/v1/PodMonitor":
    /^(selector(\.matchLabels)?|podMetricsEndpoints(\.\d+(\.(port|path|authorization(\.credentials(\.(name|key))?)?))?)?)$/,
  "keda.sh/v1alpha1/ScaledObject":
    /^(scaleTargetRef(\.(apiVersion|kind|name))?|minReplicaCount|maxReplicaCount|cooldownPeriod|advanced(\.horizontalPodAutoscalerConfig(\.behavior(\.scaleDown(\.stabilizationWindowSeconds)?)?)?)?|triggers(\.\d+(\.(type|metricType|metadata))?)?)$/,
  "gateway.networking.k8s.io/v1/HTTPRoute":
    /^(parentRefs(\.\d+(\.(name|namespace))?)?|hostnames(\.\d+)?|rules(\.\d+(\.backendRefs(\.\d+(\.(name|port))?)?)?)?)$/,
};

interface Validator {
  validate(value: unknown): boolean;
}

/** What is wrong with an object, or of no schema; empty when nothing is. */
export function schemaProblems(object: KubernetesObject): string[] {
  const name = `${object.kind} ${object.metadata.name}`;
  const group = groups[object.apiVersion];
  if (group === undefined) return foreignProblems(object).map(problem => `${name}: ${problem}`);
  const file = join(schemas, `IoK8sApi${group}${object.kind}.js`);
  const validator = require(file) as Validator & { validate: { errors?: unknown } };
  const seen = new Set<string>();
  const isValid = validator.validate(watched(object, "", seen));
  const unknown = [
    ...unread(object, "", seen).map(path => `${name}: there is no field ${path}`),
    ...emptyLists(object, "").map(path => `${name}: the server drops the empty ${path}`),
  ];
  return isValid
    ? unknown
    : [...unknown, `${name}: ${JSON.stringify(validator.validate.errors).slice(0, 500)}`];
}

/** Whoever checks an object reads every field that its schema has; what nobody reads is in no schema. */
function watched(value: unknown, path: string, seen: Set<string>): unknown {
  if (typeof value !== "object" || value === null) return value;
  return new Proxy(value, {
    get(target, key) {
      if (typeof key !== "string") return Reflect.get(target, key);
      seen.add(`${path}/${key}`);
      return watched(Reflect.get(target, key), `${path}/${key}`, seen);
    },
  });
}

function unread(value: unknown, path: string, seen: ReadonlySet<string>): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const own = `${path}/${key}`;
    return seen.has(own) ? unread(inner, own, seen) : [own];
  });
}

/** What the server does not keep looks like a change whenever it is applied again. */
function emptyLists(value: unknown, path: string): string[] {
  if (Array.isArray(value) && value.length === 0) return [path];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => emptyLists(inner, `${path}/${key}`));
}

function foreignProblems(object: KubernetesObject): string[] {
  const known = foreign[`${object.apiVersion}/${object.kind}`];
  if (known === undefined) return ["nobody knows this kind"];
  return pathsOf(object.spec, "").filter(path => {
    // Labels and parameters of a trigger are maps of the user's own.
    const isMap = /(matchLabels|metadata)\./.test(path);
    return !isMap && !known.test(path);
  });
}

function pathsOf(value: unknown, path: string): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const own = path === "" ? key : `${path}.${key}`;
    return [own, ...pathsOf(inner, own)];
  });
}
