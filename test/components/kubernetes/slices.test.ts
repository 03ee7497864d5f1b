/** Every object of an installation belongs to one component, and resources are called after what they are. */
import { expect, test } from "vitest";
import { toRole } from "../../../components/kubernetes/cluster-component.ts";
import { sliceInstallation, slices } from "../../../components/kubernetes/slices.ts";
import { planCluster } from "../../../stacks/cluster/plan.ts";
import { toClusterStack } from "../../support/cluster-stack.ts";

const full = {
  installation: "prod",
  gateway: { replicas: 2 },
  storage: { shared: "files" },
  database: { kind: "postgres", image: "postgres:17", password: { name: "db" } },
  cache: { kind: "valkey", image: "valkey:8" },
};

function installationOf(platform: object) {
  const stack = toClusterStack({ models: [], platform });
  const options = { readings: new Map(), version: "0.1.0", withOperator: false };
  return planCluster({ stack, ...options }).installation;
}

test("each to one, in the plan's order", () => {
  for (const platform of [full, { installation: "prod" }]) {
    const objects = installationOf(platform);
    const sliced = sliceInstallation(objects, "prod");
    expect(slices.flatMap(slice => sliced[slice]).length).toBe(objects.length);
    for (const slice of slices)
      expect(sliced[slice]).toEqual(objects.filter(object => sliced[slice].includes(object)));
  }
});

test("stores and volumes are with what they are for", () => {
  const sliced = sliceInstallation(installationOf(full), "prod");
  const of = (slice: (typeof slices)[number]) =>
    sliced[slice].map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect(of("storage")).toEqual(["PersistentVolumeClaim prod-weights"]);
  expect(of("database")).toContain("StatefulSet prod-postgres");
  expect(of("cache")).toContain("Deployment prod-valkey");
  expect(of("gateway")).toContain("Service prod");
  expect(of("access")).toContain("NetworkPolicy prod-postgres");
  const embedded = sliceInstallation(installationOf({ installation: "prod" }), "prod");
  expect(embedded.database.map(({ metadata }) => metadata.name)).toEqual(["prod-memory"]);
});

test.each([
  ["model-a", "deployment"],
  ["model-a-canary", "canary-deployment"],
  ["other", "other-deployment"],
  ["model-ab", "model-ab-deployment"],
])("%s below model-a is its %s", (name, role) => {
  expect(toRole({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name } }, "model-a")).toBe(
    role,
  );
});
