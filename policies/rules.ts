/** All rules of the pack, and which of them a stack may do without. */
import { accessRules } from "./access.ts";
import { dataAndWholeRules } from "./data.ts";
import { networkRules } from "./network.ts";
import { podRules } from "./pods.ts";
import type { Rule } from "./rule.ts";

export const rules: readonly Rule[] = [
  ...podRules,
  ...accessRules,
  ...networkRules,
  ...dataAndWholeRules,
];

/** Warnings only: an image of a test cluster has no digest beforehand, and TLS may end in front of an Ingress. */
export const advisory: ReadonlySet<string> = new Set(["image-has-digest", "ingress-has-tls"]);
