/** Every rule of the policy pack: what keeps it, and what breaks it; and our own plans keep them all. */
import { describe, expect, test } from "vitest";
import type { KubernetesObject } from "../../engine/contract/kubernetes.ts";
import { ModelSpec } from "../../engine/contract/model.ts";
import { Platform } from "../../engine/contract/platform.ts";
import { planInstallation } from "../../engine/manifests/installation.ts";
import { planModel } from "../../engine/manifests/model.ts";
import { checkObjects, type Fields, fields } from "../../policies/rule.ts";
import { advisory, rules } from "../../policies/rules.ts";
import { allApis, randomPlan, shapeOf } from "../support/manifests/random-plans.ts";

const about = { version: "0.1.0", managedBy: "test" };
const sha256 = "a".repeat(64);

/** A stack with an object of every kind that the rules look at. */
function createGood(): KubernetesObject[] {
  const image = `registry.example/echorator@sha256:${sha256}`;
  const platform = Platform.parse({
    image,
    apis: allApis,
    storage: { shared: "files", own: "block" },
    database: { kind: "postgres", image, password: { name: "db", key: "password" } },
    cache: { kind: "valkey", image },
    gateway: { replicas: 2, service: "LoadBalancer", host: "echo.example.org", tlsSecret: "tls" },
  });
  const kept = Platform.parse({
    ...platform,
    installation: "kept",
    database: { kind: "embedded" },
  });
  kept.gateway.replicas = 1;
  const spec = ModelSpec.parse({
    name: "assistant",
    source: "hf:owner/repo/file.gguf",
    replicas: { min: 1, max: 3 },
    scaling: { queueSeconds: 2, by: "keda" },
  });
  return [
    ...planInstallation({ platform, settings: { auth: "none" }, ...about }),
    ...planInstallation({ platform: kept, settings: { auth: "none" }, ...about }).filter(
      object => object.kind !== "Namespace",
    ),
    ...planModel({ spec, platform, shape: shapeOf(), ...about }).objects,
  ];
}

type Break = (objects: KubernetesObject[]) => void;

/** The first object of the kind (and with that in its name) as a bag of fields to be spoilt. */
function pick(objects: KubernetesObject[], kind: string, name = ""): Fields {
  const found = objects.find(object => object.kind === kind && object.metadata.name.includes(name));
  if (found === undefined) throw new Error(`the good stack has no ${kind} ${name}`);
  return found as Fields;
}

const specOf = (object: Fields) => fields(object.spec);
const metadataOf = (object: Fields) => fields(object.metadata);
const worker = (objects: KubernetesObject[]) => pick(objects, "Deployment", "model-");
const templateOf = (object: Fields) => fields(specOf(object).template);
const podOf = (object: Fields) => specOf(templateOf(object));
const containerOf = (object: Fields) => (podOf(object).containers as Fields[])[0] as Fields;
const inPod =
  (change: Fields): Break =>
  objects =>
    Object.assign(podOf(worker(objects)), change);
const inContainer =
  (change: Fields): Break =>
  objects =>
    Object.assign(containerOf(worker(objects)), change);
const inSecurity =
  (change: Fields): Break =>
  objects =>
    Object.assign(fields(containerOf(worker(objects)).securityContext), change);
const withVolume =
  (volume: Fields): Break =>
  objects => {
    (podOf(worker(objects)).volumes as Fields[]).push({ name: "extra", ...volume });
  };
const withEnv =
  (name: string, value: string): Break =>
  objects => {
    (containerOf(worker(objects)).env as Fields[]).push({ name, value });
  };
const withGrant =
  (grant: Fields, kind = "Role"): Break =>
  objects => {
    const role = pick(objects, "Role");
    objects.push(Object.assign({}, role, { kind, rules: [grant] }) as Fields as KubernetesObject);
  };
const withBinding =
  (change: Fields): Break =>
  objects => {
    Object.assign(pick(objects, "RoleBinding"), change);
  };
const withoutUser: Break = objects => {
  inSecurity({ runAsUser: undefined })(objects);
  delete fields(podOf(worker(objects)).securityContext).runAsUser;
};
const ofKind =
  (kind: string, name: string, change: (object: Fields) => void): Break =>
  objects =>
    change(pick(objects, kind, name));
const without =
  (kind: string): Break =>
  objects => {
    for (let index = objects.length - 1; index >= 0; index--)
      if (objects[index]?.kind === kind) objects.splice(index, 1);
  };

const get = (path: string) => ({ httpGet: { path, port: 5000 } });
const probe = { ...get("/health"), periodSeconds: 1, failureThreshold: 2 };
const everything = { podSelector: {}, policyTypes: ["Ingress", "Egress"] };

const breaks: Record<string, Break> = {
  "no-host-namespaces": inPod({ hostNetwork: true }),
  "no-host-path": withVolume({ hostPath: { path: "/var/cache" } }),
  "volume-types": withVolume({ nfs: { server: "files", path: "/" } }),
  "no-sysctls": objects =>
    Object.assign(fields(podOf(worker(objects)).securityContext), {
      sysctls: [{ name: "net.core.somaxconn", value: "9" }],
    }),
  "group-of-volumes": objects => {
    withVolume({ persistentVolumeClaim: { claimName: "some" } })(objects);
    delete fields(podOf(worker(objects)).securityContext).fsGroup;
  },
  "no-host-ports": inContainer({ ports: [{ containerPort: 5000, hostPort: 5000 }] }),
  "no-privileged": inSecurity({ privileged: true }),
  "no-privilege-escalation": inSecurity({ allowPrivilegeEscalation: undefined }),
  "drops-capabilities": inSecurity({ capabilities: { drop: ["ALL"], add: ["SYS_ADMIN"] } }),
  "runs-as-non-root": inSecurity({ runAsNonRoot: false }),
  "has-a-user": withoutUser,
  seccomp: inSecurity({ seccompProfile: { type: "Unconfined" } }),
  "read-only-root": inSecurity({ readOnlyRootFilesystem: false }),
  "default-proc-mount": inSecurity({ procMount: "Unmasked" }),
  "image-has-digest": inContainer({ image: "registry.example/echorator:0.1.0" }),
  "image-has-version": inContainer({ image: "registry.example:5000/echorator" }),
  "asks-for-resources": objects =>
    delete fields(fields(containerOf(worker(objects)).resources).requests).cpu,
  "memory-is-certain": objects =>
    Object.assign(fields(fields(containerOf(worker(objects)).resources).limits), { memory: "1Ti" }),
  "bounded-disk": objects =>
    delete fields(fields(containerOf(worker(objects)).resources).limits)["ephemeral-storage"],
  "bounded-empty-dir": withVolume({ emptyDir: {} }),
  "has-readiness": inContainer({ readinessProbe: undefined }),
  "has-liveness": inContainer({ livenessProbe: undefined }),
  "has-startup-budget": inContainer({ startupProbe: probe }),
  "liveness-is-patient": inContainer({ livenessProbe: probe }),
  "liveness-is-not-readiness": inContainer({
    livenessProbe: { ...get("/x"), periodSeconds: 30 },
    readinessProbe: get("/x"),
  }),
  "progress-outlasts-start": objects =>
    Object.assign(specOf(worker(objects)), { progressDeadlineSeconds: 1 }),
  "grace-for-replies": inPod({ terminationGracePeriodSeconds: undefined }),
  "no-wildcard": withGrant({ apiGroups: ["*"], resources: ["pods"], verbs: ["get"] }),
  "no-escalation": withGrant({ apiGroups: [""], resources: ["roles"], verbs: ["escalate"] }),
  "no-exec": withGrant({ apiGroups: [""], resources: ["pods/exec"], verbs: ["create"] }),
  "no-secrets-of-all": withGrant(
    { apiGroups: [""], resources: ["secrets"], verbs: ["get"] },
    "ClusterRole",
  ),
  "no-secret-lists": withGrant({ apiGroups: [""], resources: ["secrets"], verbs: ["list"] }),
  "no-administrators": withBinding({ roleRef: { kind: "ClusterRole", name: "cluster-admin" } }),
  "no-groups-of-all": withBinding({ subjects: [{ kind: "Group", name: "system:authenticated" }] }),
  "own-account": inPod({ serviceAccountName: undefined }),
  "no-idle-token": inPod({ automountServiceAccountToken: true }),
  "account-without-token": ofKind("ServiceAccount", "", object => {
    object.automountServiceAccountToken = undefined;
  }),
  "default-deny": objects => {
    for (const policy of objects.filter(object => object.kind === "NetworkPolicy"))
      if (policy.metadata.name.endsWith("default-deny")) policy.spec = { podSelector: {} };
  },
  "has-network-policy": objects =>
    Object.assign(fields(templateOf(worker(objects)).metadata), { labels: { other: "pods" } }),
  "no-open-policy": ofKind("NetworkPolicy", "", object => {
    object.spec = { ...everything, ingress: [{}] };
  }),
  "no-metadata-address": ofKind("NetworkPolicy", "", object => {
    object.spec = { ...everything, egress: [{ to: [{ ipBlock: { cidr: "0.0.0.0/0" } }] }] };
  }),
  "not-public": ofKind("Service", "", object => {
    object.metadata = { ...metadataOf(object), annotations: {} };
    Object.assign(specOf(object), { type: "NodePort" });
  }),
  "service-has-pods": ofKind("Service", "", object => {
    Object.assign(specOf(object), { selector: { app: "gone" } });
  }),
  "ingress-has-tls": objects => {
    const spec = { rules: [{ host: "echo.example.org" }] };
    objects.push(
      Object.assign({}, pick(objects, "Service"), {
        kind: "Ingress",
        spec,
      }) as Fields as KubernetesObject,
    );
  },
  "no-secret-in-env": withEnv("HF_TOKEN", "anything"),
  "no-secret-in-arguments": inContainer({ args: ["--url", "postgres://user:word@host/db"] }),
  "no-secret-in-config": ofKind("ConfigMap", "", object => {
    object.data = { "engine.yaml": "-----BEGIN PRIVATE KEY-----" };
  }),
  "no-secret-in-annotations": ofKind("Service", "", object => {
    Object.assign(metadataOf(object), { annotations: { note: `hf_${"a".repeat(30)}` } });
  }),
  "claims-are-retained": ofKind("StatefulSet", "postgres", object => {
    const policy = { whenDeleted: "Delete", whenScaled: "Retain" };
    Object.assign(specOf(object), { persistentVolumeClaimRetentionPolicy: policy });
  }),
  "claim-has-size": ofKind("PersistentVolumeClaim", "", object => {
    Object.assign(specOf(object), { resources: {} });
  }),
  "one-writer": ofKind("Deployment", "kept-gateway", object => {
    Object.assign(specOf(object), { replicas: 2 });
  }),
  "has-disruption-budget": without("PodDisruptionBudget"),
  "budget-lets-go": ofKind("PodDisruptionBudget", "", object => {
    Object.assign(specOf(object), { maxUnavailable: 0 });
  }),
  "scaled-without-replicas": objects => Object.assign(specOf(worker(objects)), { replicas: 2 }),
  "selector-fits": objects =>
    Object.assign(specOf(worker(objects)), { selector: { matchLabels: { app: "other" } } }),
  "selector-never-changes": objects =>
    Object.assign(fields(fields(specOf(worker(objects)).selector).matchLabels), {
      "app.kubernetes.io/version": "0.1.0",
    }),
  "no-service-links": inPod({ enableServiceLinks: undefined }),
  "has-labels": ofKind("ConfigMap", "", object => {
    Object.assign(metadataOf(object), { labels: {} });
  }),
  "own-namespace": ofKind("ConfigMap", "", object => {
    Object.assign(metadataOf(object), { namespace: "kube-system" });
  }),
  "restricted-namespace": ofKind("Namespace", "", object => {
    Object.assign(metadataOf(object), { labels: {} });
  }),
};

describe("each rule", () => {
  test("has a name of its own, a sentence, and something that breaks it", () => {
    expect(rules.length).toBeGreaterThanOrEqual(40);
    expect(rules.map(rule => rule.name).sort()).toEqual(Object.keys(breaks).sort());
    for (const { name, description } of rules) {
      expect(name).toMatch(/^[a-z][a-z-]+$/);
      expect(description).toMatch(/\.$/);
    }
  });

  test("is kept by a stack with everything in it", () => {
    expect(checkObjects(rules, createGood())).toEqual([]);
  });

  test.each(Object.entries(breaks))(
    "%s: is broken, and said so with the object's name",
    (name, spoil) => {
      const rule = rules.filter(one => one.name === name);
      const good = structuredClone(createGood());
      expect(checkObjects(rule, good)).toEqual([]);
      spoil(good);
      const [first] = checkObjects(rule, good);
      expect(first).toMatchObject({ rule: name, object: expect.stringMatching(/^\w+\/[\w-]+/) });
    },
  );
});

test("no report shows the secret that it found", () => {
  const objects = structuredClone(createGood());
  for (const [name, spoil] of Object.entries(breaks)) if (name.includes("secret")) spoil(objects);
  withEnv("NOTE", "redis://user:hush-hush@cache")(objects);
  const said = JSON.stringify(checkObjects(rules, objects));
  expect(said).toContain("no-secret-in-env");
  expect(said).not.toMatch(/hush|word@|hf_a/);
});

test("150 seeded stacks of ours keep every rule that is not only advised", () => {
  const mandatory = rules.filter(rule => !advisory.has(rule.name));
  for (let seed = 1; seed <= 150; seed++) {
    const { platform, inputs } = randomPlan(seed);
    const installation = planInstallation({ platform, settings: { auth: "none" }, ...about });
    const objects = [...installation, ...inputs.flatMap(input => planModel(input).objects)];
    expect(checkObjects(mandatory, objects), `seed ${seed}`).toEqual([]);
  }
});
