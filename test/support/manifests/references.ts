/** Whether what objects say of each other is so: selectors, ports, volumes, accounts, probes and targets. */
import type { KubernetesObject } from "../../../engine/contract/kubernetes.ts";
import {
  at,
  listAt,
  mapAt,
  type PodTemplate,
  podTemplates,
  selects,
  type Tree,
  treeAt,
} from "./objects.ts";

/** One sentence for each reference that leads nowhere; Secrets and claims of users are theirs. */
export function danglingReferences(objects: readonly KubernetesObject[]): string[] {
  const templates = podTemplates(objects);
  return [
    ...doubles(objects),
    ...templates.flatMap(template => podProblems(template, objects)),
    ...objects
      .filter(({ kind }) => kind === "Service")
      .flatMap(service => serviceProblems(service, templates)),
    ...objects
      .filter(({ kind }) => kind === "PodDisruptionBudget" || kind === "PodMonitor")
      .flatMap(object => selectorProblems(object, templates)),
    ...objects.flatMap(object => targetProblems(object, objects)),
  ];
}

function doubles(objects: readonly KubernetesObject[]): string[] {
  const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  return names.filter((name, index) => names.indexOf(name) !== index).map(name => `twice: ${name}`);
}

function podProblems(template: PodTemplate, objects: readonly KubernetesObject[]): string[] {
  const { owner, spec, labels, containers } = template;
  const where = `${owner.kind} ${owner.metadata.name}`;
  const selector = mapAt(owner, "spec.selector.matchLabels");
  const has = (kind: string, name: unknown) =>
    objects.some(object => object.kind === kind && object.metadata.name === name);
  const volumes = [
    ...listAt(spec, "volumes"),
    ...listAt(owner, "spec.volumeClaimTemplates").map(claim => treeAt(claim, "metadata")),
  ].map(volume => volume.name);
  const missingMaps = listAt(spec, "volumes")
    .map(volume => at(volume, "configMap.name"))
    .filter(name => name !== undefined && !has("ConfigMap", name))
    .map(name => `${where}: no ConfigMap ${String(name)}`);
  const missingKeys = listAt(spec, "volumes").flatMap(volume => keyProblems(volume, objects));
  return [
    ...(selects(selector, labels) && Object.keys(selector).length > 0
      ? []
      : [`${where}: selects other pods`]),
    ...(has("ServiceAccount", spec.serviceAccountName) ? [] : [`${where}: no ServiceAccount`]),
    ...missingMaps,
    ...missingKeys,
    ...containers.flatMap(container => mountProblems(container, volumes, where)),
    ...containers.flatMap(container => probeProblems(container, where)),
    ...graceProblems(spec, containers, where),
  ];
}

function keyProblems(volume: Tree, objects: readonly KubernetesObject[]): string[] {
  const map = objects.find(
    ({ kind, metadata }) => kind === "ConfigMap" && metadata.name === at(volume, "configMap.name"),
  );
  return listAt(volume, "configMap.items")
    .filter(({ key }) => at(map, "data")?.[key as never] === undefined)
    .map(({ key }) => `the ConfigMap has no key ${String(key)}`);
}

function mountProblems(container: Tree, volumes: unknown[], where: string): string[] {
  const mounts = listAt(container, "volumeMounts");
  const paths = mounts.map(({ mountPath }) => mountPath);
  return [
    ...mounts
      .filter(({ name }) => !volumes.includes(name))
      .map(({ name }) => `${where}: no volume ${String(name)}`),
    ...volumes
      .filter(name => !mounts.some(mount => mount.name === name))
      .map(name => `${where}: nobody mounts ${String(name)}`),
    ...paths.filter((path, index) => paths.indexOf(path) !== index).map(path => `twice: ${path}`),
  ];
}

function probeProblems(container: Tree, where: string): string[] {
  const names = listAt(container, "ports").map(({ name }) => name);
  return ["startupProbe", "readinessProbe", "livenessProbe"].flatMap(kind => {
    const probe = treeAt(container, kind);
    const port = at(probe, "httpGet.port") ?? at(probe, "tcpSocket.port");
    const timeout = probe.timeoutSeconds;
    return [
      ...(container[kind] === undefined ? [`${where}: no ${kind}`] : []),
      ...(port === undefined || names.includes(port) ? [] : [`${where}: ${kind} has no port`]),
      ...(typeof timeout === "number" && timeout >= 3 ? [] : [`${where}: ${kind} is impatient`]),
    ];
  });
}

/** The grace begins when the pod is told to go, so the sleep before the signal is part of it. */
function graceProblems(spec: Tree, containers: readonly Tree[], where: string): string[] {
  const sleep = Math.max(
    0,
    ...containers.map(container => Number(at(container, "lifecycle.preStop.sleep.seconds") ?? 0)),
  );
  return Number(spec.terminationGracePeriodSeconds) > sleep ? [] : [`${where}: no grace`];
}

function serviceProblems(service: KubernetesObject, templates: readonly PodTemplate[]): string[] {
  const where = `Service ${service.metadata.name}`;
  const selector = mapAt(service, "spec.selector");
  const found = templates.filter(({ labels }) => selects(selector, labels));
  if (found.length !== 1) return [`${where}: finds ${found.length} workloads`];
  const ports = found.flatMap(({ containers }) =>
    containers.flatMap(container => listAt(container, "ports")),
  );
  return listAt(service, "spec.ports")
    .filter(
      ({ targetPort, port }) => !ports.some(p => p.name === targetPort && p.containerPort === port),
    )
    .map(({ name }) => `${where}: the port ${String(name)} leads nowhere`);
}

function selectorProblems(object: KubernetesObject, templates: readonly PodTemplate[]): string[] {
  const selector = mapAt(object, "spec.selector.matchLabels");
  const isAlive = templates.some(({ labels }) => selects(selector, labels));
  return isAlive ? [] : [`${object.kind} ${object.metadata.name}: selects nothing`];
}

function targetProblems(object: KubernetesObject, objects: readonly KubernetesObject[]): string[] {
  const target = treeAt(object, "spec.scaleTargetRef");
  if (target.name === undefined) return [];
  const found = objects.find(
    ({ kind, metadata }) => kind === target.kind && metadata.name === target.name,
  );
  if (found === undefined) return [`${object.kind} ${object.metadata.name}: scales nothing`];
  return at(found, "spec.replicas") === undefined
    ? []
    : [`${object.kind} ${object.metadata.name}: the workload's replicas are written as well`];
}
