/** The policy pack: the rules of `rules.ts` over what a stack registers, whole. */
import { PolicyPack } from "@pulumi/policy";
import type { KubernetesObject } from "../engine/contract/kubernetes.ts";
import { type Fields, fields } from "./rule.ts";
import { advisory, rules } from "./rules.ts";

new PolicyPack("echorator", {
  policies: rules.map(rule => ({
    name: rule.name,
    description: rule.description,
    enforcementLevel: advisory.has(rule.name) ? "advisory" : "mandatory",
    validateStack: ({ resources }, report) => {
      const objects = resources.filter(({ type }) => type.startsWith("kubernetes:"));
      const all = objects.map(resource => toObject(resource.props));
      for (const [index, object] of all.entries())
        for (const message of rule.check(object, all)) report(message, objects[index]?.urn);
    },
  })),
});

/** What the program has registered has the fields of the object itself. */
function toObject(props: Fields): KubernetesObject {
  const { apiVersion, kind } = props;
  const { name, ...metadata } = fields(props.metadata);
  return {
    ...(props as Pick<KubernetesObject, string>),
    apiVersion: String(apiVersion),
    kind: String(kind),
    metadata: { ...metadata, name: String(name) },
  };
}
