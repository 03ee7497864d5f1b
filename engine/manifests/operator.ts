/** planOperator: what makes Model resources so: the resource's definition, the operator, and what it may do and reach. */
import { type EngineConfigInput, parseEngineConfig } from "../contract/config.ts";
import { defaultPorts } from "../contract/endpoints.ts";
import { annotations, type KubernetesObject, mountPaths } from "../contract/kubernetes.ts";
import type { Platform } from "../contract/platform.ts";
import { bindingOf } from "./gateway-access.ts";
import { apiEgress } from "./gateway-network.ts";
import { digestOf } from "./model-config.ts";
import { planModelCrd } from "./model-crd.ts";
import { installationNames, selectorLabels } from "./names.ts";
import { dnsEgress, monitoringPods, outsideOf, podsOf, tcp } from "./network.ts";
import { createDrafter, type Draft, present, toObject, toText } from "./objects.ts";
import { operatorRules } from "./operator-access.ts";
import { engineProbes } from "./probes.ts";
import { containerSecurity, podSecurity } from "./security.ts";
import { workerKeyFrom } from "./worker-pod.ts";

export interface OperatorPlanInput {
  platform: Platform;
  /** Of the engine; becomes the version label. */
  version: string;
  /** Who applies it: becomes the managed-by label. */
  managedBy: string;
}

const startupBudgetSeconds = 120;
/** A look that has begun ends, and the lead is given back. */
const graceSeconds = 30;

/** In an order in which they can be created one by one; the namespace is the installation's. */
export function planOperator(input: OperatorPlanInput): KubernetesObject[] {
  const { platform, version, managedBy } = input;
  const name = installationNames(platform.installation).operator;
  const draft = createDrafter(platform, { component: "operator", version, managedBy });
  const config = renderConfig(platform);
  const objects = present(
    draft("v1", "ServiceAccount", name, { automountServiceAccountToken: false }),
    draft("rbac.authorization.k8s.io/v1", "Role", name, { rules: operatorRules(platform) }),
    draft("rbac.authorization.k8s.io/v1", "RoleBinding", name, bindingOf(name, platform)),
    draft("v1", "ConfigMap", name, { data: { "engine.yaml": config } }),
    platform.networkPolicies &&
      draft("networking.k8s.io/v1", "NetworkPolicy", name, { spec: operatorPolicy(platform) }),
    platform.networkPolicies &&
      draft("networking.k8s.io/v1", "NetworkPolicy", `${name}-workers`, {
        spec: workersPolicy(platform),
      }),
    draft("apps/v1", "Deployment", name, {
      spec: {
        replicas: 1,
        revisionHistoryLimit: 3,
        selector: { matchLabels: selectorLabels(platform, "operator") },
        template: renderPod(platform, config),
      },
    }),
  );
  return [planModelCrd(), ...objects.map(toObject)];
}

function renderConfig(platform: Platform): string {
  const config: EngineConfigInput = {
    role: "operator",
    host: "0.0.0.0",
    auth: "none",
    platform,
    log: { format: "json" },
  };
  parseEngineConfig(config, "The operator's configuration");
  return toText(config);
}

/** Out: the API, headers of weights on the internet, and what workers say of themselves. */
function operatorPolicy(platform: Platform): Draft {
  return {
    podSelector: { matchLabels: selectorLabels(platform, "operator") },
    policyTypes: ["Ingress", "Egress"],
    ingress: [{ from: [monitoringPods(platform)], ports: tcp(defaultPorts.main) }],
    egress: present<Draft>(
      dnsEgress,
      apiEgress(platform),
      { to: [podsOf(platform, "worker")], ports: tcp(defaultPorts.main) },
      {
        to: platform.sourceCidrs.map(cidr => outsideOf(cidr, "sourceCidrs")),
        ports: tcp(443),
      },
    ),
  };
}

/** Besides each model's own policy, so that no pod of a model depends on who made it. */
function workersPolicy(platform: Platform): Draft {
  return {
    podSelector: { matchLabels: selectorLabels(platform, "worker") },
    policyTypes: ["Ingress"],
    ingress: [{ from: [podsOf(platform, "operator")], ports: tcp(defaultPorts.main) }],
  };
}

function renderPod(platform: Platform, config: string): Draft {
  const { operator } = installationNames(platform.installation);
  const { imagePullSecrets: secrets } = platform;
  return {
    metadata: {
      labels: selectorLabels(platform, "operator"),
      annotations: { [annotations.configDigest]: digestOf(config) },
    },
    spec: {
      serviceAccountName: operator,
      // Models and their objects are read and written through the API.
      automountServiceAccountToken: true,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: graceSeconds,
      securityContext: podSecurity(),
      imagePullSecrets: secrets.length === 0 ? undefined : secrets.map(name => ({ name })),
      containers: [renderContainer(platform)],
      volumes: [
        { name: "config", configMap: { name: operator } },
        { name: "home", emptyDir: { sizeLimit: "256Mi" } },
        { name: "temporary", emptyDir: { sizeLimit: "64Mi" } },
      ],
    },
  };
}

function renderContainer(platform: Platform): Draft {
  return {
    name: "engine",
    image: platform.image,
    imagePullPolicy: platform.imagePullPolicy,
    args: [
      ...["--home", mountPaths.home],
      ...["--config", mountPaths.configFile],
      ...["--instance", "$(POD_NAME)"],
    ],
    env: present<Draft>(
      { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      workerKeyFrom(platform),
    ),
    ports: [{ name: "http", containerPort: defaultPorts.main, protocol: "TCP" }],
    ...engineProbes("http", { startupBudgetSeconds }),
    resources: {
      requests: { cpu: "100m", memory: "384Mi", "ephemeral-storage": "512Mi" },
      limits: { memory: "384Mi", "ephemeral-storage": "512Mi" },
    },
    securityContext: containerSecurity,
    volumeMounts: [
      { name: "config", mountPath: mountPaths.config, readOnly: true },
      { name: "home", mountPath: mountPaths.home },
      { name: "temporary", mountPath: "/tmp" },
    ],
  };
}
