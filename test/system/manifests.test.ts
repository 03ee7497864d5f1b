/** Planned objects on a real API server: every knob passes strict validation and admission, and pods are really made. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KubernetesObject } from "../../engine/contract/kubernetes.ts";
import { ModelSpec } from "../../engine/contract/model.ts";
import { Platform } from "../../engine/contract/platform.ts";
import { planInstallation } from "../../engine/manifests/installation.ts";
import { planModel } from "../../engine/manifests/model.ts";
import { restrictedNamespace } from "../../engine/manifests/security.ts";
import { randomPlan } from "../support/manifests/random-plans.ts";
import { describeOnTestbed, startTestbed, type Testbed } from "../support/testbed.ts";

/** Kinds of others, which a bare API server does not know. */
const foreign = /^(monitoring\.coreos\.com|keda\.sh|gateway\.networking\.k8s\.io)\//;

/** The feature that image volumes stand behind; a server without it drops the field. */
const features = "ImageVolume=true";

describeOnTestbed("api", "planned objects on an API server", () => {
  let testbed: Testbed;

  beforeAll(async () => {
    testbed = await startTestbed("api", { featureGates: features });
  });

  afterAll(async () => {
    await testbed?.stop();
  });

  /** Warnings are errors: of deprecated fields, and of pods that Pod Security would refuse. */
  const apply = (objects: readonly KubernetesObject[], ...options: string[]) =>
    testbed.kubectl(
      [
        ...["apply", "--server-side", "--force-conflicts", "--validate=strict"],
        ...["--warnings-as-errors", ...options, "-f", "-"],
      ],
      JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }),
    );

  test("every tier and knob of 30 seeded platforms passes a strict dry run", async () => {
    await apply(["echorator", "models"].map(namespace));
    const objects = Array.from({ length: 30 }, (_, index) => randomPlan(index + 1)).flatMap(
      ({ platform, inputs }) => [
        ...planInstallation({
          platform,
          settings: { auth: "none" },
          version: "0.1.0",
          managedBy: "test",
        }),
        ...inputs.flatMap(input => planModel(input).objects),
      ],
    );
    const known = objects.filter(({ apiVersion }) => !foreign.test(apiVersion));
    const lines = (await apply(known, "--dry-run=server")).trim().split("\n");
    expect(lines.length).toBe(known.length);
    expect(lines.every(line => line.includes("serverside-applied"))).toBe(true);
  });

  test("an installation and its model are created, and admission lets their pods in", async () => {
    const name = await testbed.createNamespace("plan");
    const platform = Platform.parse({
      namespace: name,
      database: { kind: "postgres", image: "postgres:17", password: { name: "db" } },
      cache: { kind: "valkey", image: "valkey:8" },
    });
    const common = { platform, version: "0.1.0", managedBy: "test" };
    const spec = ModelSpec.parse({
      name: "echo",
      source: "bundled:echo-tiny",
      canary: { source: "bundled:echo-tiny", sha256: "1".repeat(64), weight: 10 },
    });
    const objects = [
      ...planInstallation({ ...common, settings: { auth: "none" } }),
      ...planModel({ ...common, spec, shape: undefined }).objects,
    ];
    await apply(objects);
    await expect
      .poll(() => podsOf(testbed, name), { timeout: 60_000, interval: 250 })
      .toEqual(["gateway", "postgres", "valkey", "worker", "worker"]);
    // Applied once more nothing changes: no default of the server is undone.
    await apply(objects);
    const generations = await testbed.kubectl([
      ...["get", "deployments,statefulsets,networkpolicies,poddisruptionbudgets"],
      ...["--namespace", name, "--output", "jsonpath={.items[*].metadata.generation}"],
    ]);
    expect([...new Set(generations.trim().split(" "))]).toEqual(["1"]);
  });

  test("image volumes are kept as planned", async () => {
    const name = await testbed.createNamespace("image", restrictedNamespace);
    const image = `registry.example.org/weights@sha256:${"0".repeat(64)}`;
    const { objects } = planModel({
      platform: Platform.parse({ namespace: name, imageVolumes: true }),
      spec: ModelSpec.parse({
        name: "echo",
        source: "file:///models/echo.gguf",
        storage: { tier: "image", image },
      }),
      shape: undefined,
      version: "0.1.0",
      managedBy: "test",
    });
    await apply(objects);
    const kept = await testbed.kubectl([
      ...["get", "deployment", "model-echo", "--namespace", name],
      ...[
        "--output",
        "jsonpath={.spec.template.spec.volumes[?(@.name=='models')].image.reference}",
      ],
    ]);
    expect(kept).toBe(image);
  });
});

function namespace(name: string): KubernetesObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels: restrictedNamespace } };
}

async function podsOf(testbed: Testbed, name: string): Promise<string[]> {
  const label = "{.metadata.labels.app\\.kubernetes\\.io/component}";
  const printed = await testbed.kubectl([
    ...["get", "pods", "--namespace", name],
    ...["--output", `jsonpath={range .items[*]}${label}{"\\n"}{end}`],
  ]);
  return printed.split("\n").filter(Boolean).sort();
}
