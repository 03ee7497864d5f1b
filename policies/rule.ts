/** What a rule is, and how it looks into objects: plain data in, sentences out. */
import type { KubernetesObject } from "../engine/contract/kubernetes.ts";

/** Fields of an object, as far as they are there. */
export type Fields = Record<string, unknown>;

export interface Rule {
  /** Small letters and dashes; what a report and an exception name. */
  name: string;
  description: string;
  /** Sentences on what is wrong with `object`; `all` is everything of the stack. Never a value that may be secret. */
  check(object: KubernetesObject, all: readonly KubernetesObject[]): string[];
}

export interface Violation {
  rule: string;
  /** Kind and name. */
  object: string;
  message: string;
}

/** The same rules for a stack, for rendered YAML and for whoever asks beforehand. */
export function checkObjects(
  rules: readonly Rule[],
  objects: readonly KubernetesObject[],
): Violation[] {
  return objects.flatMap(object =>
    rules.flatMap(rule =>
      rule.check(object, objects).map(message => ({
        rule: rule.name,
        object: `${object.kind}/${object.metadata.name}`,
        message,
      })),
    ),
  );
}

export function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : {};
}

export function list(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(item => typeof item === "string") : [];
}

/** Kinds whose pods are ours to shape. */
const workloadKinds = ["Deployment", "StatefulSet", "DaemonSet", "Job"];

export function isWorkload(object: KubernetesObject): boolean {
  return workloadKinds.includes(object.kind);
}

/** What is kept running until it is told to stop. */
export function isService(object: KubernetesObject): boolean {
  return ["Deployment", "StatefulSet"].includes(object.kind);
}

/** The template of the pods; undefined for kinds that make none. */
export function templateOf(object: KubernetesObject): Fields | undefined {
  if (object.kind === "Pod") return object;
  const spec = fields(object.spec);
  if (object.kind === "CronJob") return fields(fields(fields(spec.jobTemplate).spec).template);
  return isWorkload(object) ? fields(spec.template) : undefined;
}

export function podOf(object: KubernetesObject): Fields | undefined {
  const template = templateOf(object);
  return template === undefined ? undefined : fields(template.spec);
}

export function containersOf(pod: Fields): Fields[] {
  return [...list(pod.initContainers), ...list(pod.containers)];
}

/** A rule over each pod template. */
export function podRule(
  name: string,
  description: string,
  check: (pod: Fields, object: KubernetesObject) => string | false | undefined,
): Rule {
  return {
    name,
    description,
    check(object) {
      const pod = podOf(object);
      const problem = pod === undefined ? undefined : check(pod, object);
      return problem ? [problem] : [];
    },
  };
}

/** A rule over each container, those that come first included. */
export function containerRule(
  name: string,
  description: string,
  check: (container: Fields, pod: Fields) => string | false | undefined,
): Rule {
  return {
    name,
    description,
    check(object) {
      const pod = podOf(object);
      if (pod === undefined) return [];
      return containersOf(pod).flatMap(container => {
        const problem = check(container, pod);
        return problem ? [`Container "${String(container.name)}" ${problem}`] : [];
      });
    },
  };
}

/** A rule over objects of these kinds. */
export function kindRule(
  kinds: readonly string[],
  name: string,
  description: string,
  check: (object: KubernetesObject, all: readonly KubernetesObject[]) => string | false | undefined,
): Rule {
  return {
    name,
    description,
    check(object, all) {
      const problem = kinds.includes(object.kind) ? check(object, all) : undefined;
      return problem ? [problem] : [];
    },
  };
}

/** Whether every pair of the selector is among the labels; an empty selector selects everything. */
export function selects(selector: unknown, labels: unknown): boolean {
  const { matchLabels, matchExpressions } = fields(selector);
  const own = fields(labels);
  const pairs = Object.entries(fields(matchLabels)).every(([key, value]) => own[key] === value);
  return pairs && list(matchExpressions).every(expression => fits(expression, own));
}

function fits({ key, operator, values }: Fields, labels: Fields): boolean {
  const value = labels[String(key)];
  if (operator === "Exists") return value !== undefined;
  if (operator === "DoesNotExist") return value === undefined;
  const isAmong = typeof value === "string" && texts(values).includes(value);
  return operator === "In" ? isAmong : !isAmong;
}
