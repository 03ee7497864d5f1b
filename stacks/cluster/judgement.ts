/** What the policies' rules say of a planned stack: what may not be, what is advised, and what to do about either. */
import type { KubernetesObject } from "../../engine/contract/kubernetes.ts";
import type { Platform } from "../../engine/contract/platform.ts";
import { checkObjects, type Violation } from "../../policies/rule.ts";
import { advisory, rules } from "../../policies/rules.ts";

export interface Judged extends Violation {
  remedy: string;
}

export interface Judgement {
  /** With one of these nothing is created or written. */
  broken: Judged[];
  advice: Judged[];
}

/** Rules that a stack's file can break, and what to change in it. */
const remedies: Record<string, string> = {
  "image-has-version": "Name the image with its version or digest in `platform` or its profile.",
  "image-has-digest": "Name the image as NAME@sha256:DIGEST in `platform` or its profile.",
  "own-namespace": "Set `platform.namespace` to one of its own.",
  "no-secret-in-env": "Take it out of `pod.env`; a source's token is named by `sourceSecret`.",
  "no-secret-in-annotations": "Take it out of `pod.labels` and `pod.annotations`.",
  "no-secret-in-config": "Take it out of the stack's file; Secrets are named, never written.",
  "default-deny": "Leave `platform.networkPolicies` on, or keep others out by your own means.",
  "has-network-policy":
    "Leave `platform.networkPolicies` on, or keep others out by your own means.",
  "ingress-has-tls": "Set `platform.gateway.tlsSecret`, unless TLS ends in front of the Ingress.",
};
const ourMistake = "Nothing that a stack's file says should lead to this: please report it.";

export function judge(objects: readonly KubernetesObject[], platform: Platform): Judgement {
  const advised = new Set([...advisory, ...declaredAway(platform)]);
  const judged = checkObjects(rules, objects).map(violation => ({
    ...violation,
    remedy: remedies[violation.rule] ?? ourMistake,
  }));
  return {
    broken: judged.filter(({ rule }) => !advised.has(rule)),
    advice: judged.filter(({ rule }) => advised.has(rule)),
  };
}

/** Who says that a cluster does without policies of the network has decided it, and is reminded only. */
function declaredAway({ networkPolicies }: Platform): string[] {
  return networkPolicies ? [] : ["default-deny", "has-network-policy"];
}

/** One line a violation, with what to do; undefined when no rule is broken. */
export function describeBroken({ broken }: Judgement, stack: string): string | undefined {
  if (broken.length === 0) return undefined;
  const lines = broken.map(violation => `  ${sayViolation(violation)}`);
  return `the objects of stack "${stack}" break rules:\n${lines.join("\n")}`;
}

export function sayViolation({ rule, object, message, remedy }: Judged): string {
  return `${rule}: ${object}: ${message} ${remedy}`;
}

/** A line for each rule with its first object and how many more there are; every object with `isAll`. */
export function sayAdvice({ advice }: Judgement, isAll: boolean): string[] {
  if (isAll) return advice.map(sayViolation);
  const byRule = Map.groupBy(advice, ({ rule }) => rule);
  return [...byRule.values()].flatMap(([first, ...more]) =>
    first === undefined
      ? []
      : [`${sayViolation(first)}${more.length > 0 ? ` (and ${more.length} more: --all)` : ""}`],
  );
}
