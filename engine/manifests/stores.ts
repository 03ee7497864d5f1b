/** Stores in the cluster: a PostgreSQL for memory and a Valkey for what gateways share, both of images that the platform names. */
import type { CacheSpec, MemoryDatabaseSpec, Platform } from "../contract/platform.ts";
import { storePolicy, storePorts } from "./gateway-network.ts";
import { installationNames, selectorLabels } from "./names.ts";
import { type Draft, type DraftOf, type ObjectDraft, present } from "./objects.ts";
import { containerSecurity, podSecurity } from "./security.ts";
import { clusterService } from "./services.ts";

/** The user of the official images of both. */
const storeUser = 999;

export const databaseLogin = { user: "echorator", database: "echorator" } as const;

type Postgres = Extract<MemoryDatabaseSpec, { kind: "postgres" }>;
type Valkey = Extract<CacheSpec, { kind: "valkey" }>;

export function planPostgres(platform: Platform, spec: Postgres, draft: DraftOf): ObjectDraft[] {
  const name = installationNames(platform.installation).postgres;
  const selector = selectorLabels(platform, "postgres");
  return present(
    draft("v1", "ServiceAccount", name, { automountServiceAccountToken: false }),
    platform.networkPolicies &&
      draft("networking.k8s.io/v1", "NetworkPolicy", name, {
        spec: storePolicy(platform, "postgres"),
      }),
    draft("v1", "Service", name, {
      spec: clusterService(selector, [["postgres", storePorts.postgres]]),
    }),
    draft("apps/v1", "StatefulSet", name, {
      spec: {
        serviceName: name,
        replicas: 1,
        selector: { matchLabels: selector },
        // Memory outlives the object that asked for it.
        persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
        template: {
          metadata: { labels: selector },
          spec: storePod(name, postgresContainer(spec), [
            { name: "sockets", emptyDir: { sizeLimit: "16Mi" } },
            { name: "temporary", emptyDir: { sizeLimit: "256Mi" } },
            { name: "shared-memory", emptyDir: { medium: "Memory", sizeLimit: "128Mi" } },
          ]),
        },
        volumeClaimTemplates: [
          {
            metadata: { name: "data" },
            spec: {
              accessModes: ["ReadWriteOnce"],
              storageClassName: spec.class,
              resources: { requests: { storage: spec.size } },
            },
          },
        ],
      },
    }),
  );
}

function postgresContainer(spec: Postgres): Draft {
  const ask = ["pg_isready", "-U", databaseLogin.user, "-d", databaseLogin.database];
  const probe = { exec: { command: ask }, periodSeconds: 10, timeoutSeconds: 5 };
  return {
    name: "postgres",
    image: spec.image,
    env: [
      { name: "POSTGRES_USER", value: databaseLogin.user },
      { name: "POSTGRES_DB", value: databaseLogin.database },
      { name: "POSTGRES_PASSWORD", valueFrom: { secretKeyRef: { ...spec.password } } },
      // Below the volume's own folder, which may hold a lost+found.
      { name: "PGDATA", value: "/var/lib/postgresql/data/pgdata" },
    ],
    ports: [{ name: "postgres", containerPort: storePorts.postgres, protocol: "TCP" }],
    startupProbe: { ...probe, periodSeconds: 5, failureThreshold: 60 },
    readinessProbe: { ...probe, failureThreshold: 3 },
    livenessProbe: { ...probe, failureThreshold: 6 },
    resources: {
      requests: { cpu: "250m", memory: "512Mi", "ephemeral-storage": "512Mi" },
      limits: { memory: "512Mi", "ephemeral-storage": "512Mi" },
    },
    securityContext: containerSecurity,
    volumeMounts: [
      { name: "data", mountPath: "/var/lib/postgresql/data" },
      { name: "sockets", mountPath: "/var/run/postgresql" },
      { name: "temporary", mountPath: "/tmp" },
      { name: "shared-memory", mountPath: "/dev/shm" },
    ],
  };
}

export function planValkey(platform: Platform, spec: Valkey, draft: DraftOf): ObjectDraft[] {
  const name = installationNames(platform.installation).valkey;
  const selector = selectorLabels(platform, "valkey");
  return present(
    draft("v1", "ServiceAccount", name, { automountServiceAccountToken: false }),
    platform.networkPolicies &&
      draft("networking.k8s.io/v1", "NetworkPolicy", name, {
        spec: storePolicy(platform, "valkey"),
      }),
    draft("v1", "Service", name, {
      spec: clusterService(selector, [["valkey", storePorts.valkey]]),
    }),
    draft("apps/v1", "Deployment", name, {
      spec: {
        replicas: 1,
        revisionHistoryLimit: 3,
        // Counters of two at once would disagree.
        strategy: { type: "Recreate" },
        selector: { matchLabels: selector },
        template: {
          metadata: { labels: selector },
          spec: storePod(name, valkeyContainer(spec), [
            { name: "data", emptyDir: { sizeLimit: "16Mi" } },
          ]),
        },
      },
    }),
  );
}

/** Nothing is kept: what it counts is worth seconds. Only gateways reach it, so it asks for no password. */
function valkeyContainer(spec: Valkey): Draft {
  const probe = { tcpSocket: { port: "valkey" }, periodSeconds: 5, timeoutSeconds: 3 };
  return {
    name: "valkey",
    image: spec.image,
    args: [
      "valkey-server",
      ...["--save", "", "--appendonly", "no", "--protected-mode", "no"],
      ...["--maxmemory", "96mb", "--maxmemory-policy", "volatile-ttl"],
    ],
    ports: [{ name: "valkey", containerPort: storePorts.valkey, protocol: "TCP" }],
    startupProbe: { ...probe, failureThreshold: 30 },
    readinessProbe: { ...probe, failureThreshold: 2 },
    livenessProbe: { ...probe, periodSeconds: 10, failureThreshold: 6 },
    resources: {
      requests: { cpu: "100m", memory: "128Mi", "ephemeral-storage": "64Mi" },
      limits: { memory: "128Mi", "ephemeral-storage": "64Mi" },
    },
    securityContext: containerSecurity,
    volumeMounts: [{ name: "data", mountPath: "/data" }],
  };
}

function storePod(serviceAccountName: string, container: Draft, volumes: Draft[]): Draft {
  return {
    serviceAccountName,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 60,
    securityContext: podSecurity(storeUser),
    containers: [container],
    volumes,
  };
}
