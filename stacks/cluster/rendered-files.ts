/** Planned objects as files for GitOps: one an object, in names that sort as they are to be applied, the same for the same plan. */
import { stringify } from "yaml";
import { EngineError } from "../../engine/contract/errors.ts";
import type { KubernetesObject } from "../../engine/contract/kubernetes.ts";
import { type NeededSecret, neededSecrets } from "./needed-secrets.ts";

/** By name. */
export type RenderedFiles = ReadonlyMap<string, string>;

export const secretsFile = "SECRETS.md";

/** What must be there first; a kind that is not named comes with the rest. */
const ranks = [
  ["Namespace"],
  ["CustomResourceDefinition", "PriorityClass"],
  ["ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"],
  ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"],
  ["NetworkPolicy"],
  ["ConfigMap", "PersistentVolumeClaim"],
  ["Service"],
  ["Deployment", "StatefulSet"],
];

/** The first line of each file, by which a later rendering knows what it may replace. */
export function markOf(stack: string): string {
  return `Rendered from the stack "${stack}". Change the stack and render again, not this file.`;
}

export function renderFiles(objects: readonly KubernetesObject[], stack: string): RenderedFiles {
  const files = new Map<string, string>();
  for (const object of objects) {
    const name = fileName(object);
    if (files.has(name)) throw twice(name);
    files.set(name, renderObject(object, stack));
  }
  const secrets = neededSecrets(objects);
  if (secrets.length > 0) files.set(secretsFile, renderSecrets(secrets, stack));
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function fileName({ kind, metadata }: KubernetesObject): string {
  const rank = ranks.findIndex(kinds => kinds.includes(kind));
  const place = String(rank < 0 ? ranks.length : rank).padStart(2, "0");
  return `${place}-${kind.toLowerCase()}-${metadata.name}.yaml`;
}

function twice(name: string): EngineError {
  return new EngineError("invalid_config", `two objects of the stack would be the file ${name}`, {
    remedy: "Give one of them another name.",
  });
}

/** As YAML 1.1 has it, because kubectl takes a plain `on` for a boolean. */
function renderObject(object: KubernetesObject, stack: string): string {
  if (object.kind === "Secret")
    throw new EngineError("internal", `the plan holds the Secret ${object.metadata.name}`);
  const text = stringify(object, { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false });
  return `# ${markOf(stack)}\n${text}`;
}

function renderSecrets(secrets: readonly NeededSecret[], stack: string): string {
  const rows = secrets.map(({ namespace, name, keys, usedBy, isOptional }) =>
    [name, keys.join(", ") || "any", namespace, isOptional ? "no" : "yes", usedBy.join(", ")]
      .map(cell => ` ${cell} `)
      .join("|"),
  );
  return [
    `<!-- ${markOf(stack)} -->`,
    "# Secrets that these objects name",
    "",
    "Make them where secrets are kept; what is in them is in no rendered file.",
    "",
    "| Secret | keys | namespace | needed | used by |",
    "| --- | --- | --- | --- | --- |",
    ...rows.map(row => `|${row}|`),
    "",
  ].join("\n");
}
