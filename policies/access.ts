/** Who may do what through the API: no wildcards, no tokens without need, no ways to gain rights. */
import type { KubernetesObject } from "../engine/contract/kubernetes.ts";
import { type Fields, fields, kindRule, list, podOf, podRule, type Rule, texts } from "./rule.ts";

const roles = ["Role", "ClusterRole"];

function grants(object: KubernetesObject): Fields[] {
  return list(object.rules);
}

function grantRule(
  name: string,
  description: string,
  isWrong: (
    grant: { groups: string[]; resources: string[]; verbs: string[] },
    kind: string,
  ) => boolean,
): Rule {
  return kindRule(roles, name, description, object => {
    const wrong = grants(object).find(grant =>
      isWrong(
        {
          groups: texts(grant.apiGroups),
          resources: texts(grant.resources),
          verbs: texts(grant.verbs),
        },
        object.kind,
      ),
    );
    return wrong !== undefined && `It grants ${describe(wrong)}.`;
  });
}

function describe(grant: Fields): string {
  return `${texts(grant.verbs).join(", ")} on ${texts(grant.resources).join(", ")}`;
}

const hasAny = (values: string[], ...wanted: string[]) =>
  wanted.some(value => values.includes(value));

/** Subjects of bindings, as `namespace/name`. */
function boundAccounts(all: readonly KubernetesObject[]): Set<string> {
  const bindings = all.filter(object =>
    ["RoleBinding", "ClusterRoleBinding"].includes(object.kind),
  );
  return new Set(
    bindings.flatMap(binding =>
      list(binding.subjects)
        .filter(subject => subject.kind === "ServiceAccount")
        .map(
          subject =>
            `${String(subject.namespace ?? binding.metadata.namespace)}/${String(subject.name)}`,
        ),
    ),
  );
}

export const accessRules: Rule[] = [
  grantRule(
    "no-wildcard",
    "Rights name groups, resources and verbs.",
    ({ groups, resources, verbs }) =>
      [...groups, ...resources, ...verbs].some(value => value.includes("*")),
  ),
  grantRule("no-escalation", "Nobody may give himself more rights.", ({ verbs }) =>
    hasAny(verbs, "escalate", "bind", "impersonate"),
  ),
  grantRule("no-exec", "Nobody of ours runs commands in pods.", ({ resources }) =>
    hasAny(resources, "pods/exec", "pods/attach", "pods/portforward", "nodes/proxy"),
  ),
  grantRule(
    "no-secrets-of-all",
    "Secrets are not read over the whole cluster.",
    ({ resources }, kind) => kind === "ClusterRole" && hasAny(resources, "secrets"),
  ),
  grantRule(
    "no-secret-lists",
    "Secrets are read by name, not listed.",
    ({ resources, verbs }) => hasAny(resources, "secrets") && hasAny(verbs, "list", "watch"),
  ),
  kindRule(
    ["RoleBinding", "ClusterRoleBinding"],
    "no-administrators",
    "Nobody is bound to the cluster's own powerful roles.",
    object => {
      const role = String(fields(object.roleRef).name);
      return ["cluster-admin", "admin", "edit"].includes(role) && `It binds ${role}.`;
    },
  ),
  kindRule(
    ["RoleBinding", "ClusterRoleBinding"],
    "no-groups-of-all",
    "Rights are for accounts of ours, not for everyone.",
    object => {
      const wide = list(object.subjects).find(subject => /^system:/.test(String(subject.name)));
      return wide !== undefined && `It binds ${String(wide.name)}.`;
    },
  ),
  podRule(
    "own-account",
    "Pods run as an account of their own.",
    pod =>
      ["", "default", "undefined"].includes(String(pod.serviceAccountName)) &&
      "The pod runs as the namespace's default account.",
  ),
  {
    name: "no-idle-token",
    description: "A token is mounted where its account has rights, and nowhere else.",
    check(object, all) {
      const pod = podOf(object);
      if (pod === undefined || pod.automountServiceAccountToken === false) return [];
      const account = `${object.metadata.namespace}/${String(pod.serviceAccountName)}`;
      const isUsed = boundAccounts(all).has(account);
      if (isUsed && pod.automountServiceAccountToken === true) return [];
      return [
        "The pod mounts a token that gives no right; set automountServiceAccountToken: false.",
      ];
    },
  },
  kindRule(
    ["ServiceAccount"],
    "account-without-token",
    "Accounts leave it to the pod whether it has a token.",
    object =>
      object.automountServiceAccountToken !== false &&
      "Set automountServiceAccountToken: false on the account.",
  ),
];
