/** The policy pack as Pulumi runs it: the SDK's own runner starts it, and a stack with something wrong is refused. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { credentials } from "@grpc/grpc-js";
import { AnalyzerClient } from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import {
  type AnalyzeResponse,
  AnalyzerResource,
  AnalyzerResourceOptions,
  AnalyzeStackRequest,
} from "@pulumi/pulumi/proto/analyzer_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import { expect, test } from "vitest";
import { rules } from "../../policies/rules.ts";

const root = join(import.meta.dirname, "../..");

test("the runner of policy packs knows every rule, and says which object breaks one", async () => {
  const runner = join(root, "node_modules/@pulumi/pulumi/cmd/run-policy-pack/index.js");
  const child = spawn(process.execPath, [runner, "127.0.0.1:9", join(root, "policies")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [port] = await once(createInterface({ input: child.stdout }), "line");
    const client = new AnalyzerClient(`127.0.0.1:${port}`, credentials.createInsecure());
    const names = await new Promise<string[]>((resolve, reject) =>
      client.getAnalyzerInfo(new empty.Empty(), (error, info) =>
        error === null
          ? resolve(info.getPoliciesList().map(policy => policy.getName()))
          : reject(error),
      ),
    );
    expect(names.sort()).toEqual(rules.map(rule => rule.name).sort());
    const reply = await new Promise<AnalyzeResponse>((resolve, reject) =>
      client.analyzeStack(createStack(), (error, response) =>
        error === null ? resolve(response) : reject(error),
      ),
    );
    const found = reply
      .getDiagnosticsList()
      .map(one => `${one.getPolicyname()} ${one.getUrn()} ${one.getMessage()}`);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^not-public urn:.*::open /);
    expect(found[0]).toContain("LoadBalancer");
    client.close();
  } finally {
    child.kill("SIGKILL");
  }
});

/** A Service that everyone may reach and nobody declared; and something that is no object of Kubernetes. */
function createStack(): AnalyzeStackRequest {
  const labels = Object.fromEntries(
    ["name", "instance", "part-of", "managed-by"].map(name => [`app.kubernetes.io/${name}`, "x"]),
  );
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "open", namespace: "echorator", labels },
    spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
  };
  const request = new AnalyzeStackRequest();
  request.setResourcesList([
    toResource("kubernetes:core/v1:Service", "open", service),
    toResource("echo:local:Process", "engine", { port: 5000 }),
  ]);
  return request;
}

function toResource(type: string, name: string, properties: object): AnalyzerResource {
  const resource = new AnalyzerResource();
  resource.setType(type);
  resource.setName(name);
  resource.setUrn(`urn:pulumi:dev::echorator::${type}::${name}`);
  resource.setProperties(struct.Struct.fromJavaScript({ ...properties }));
  const options = new AnalyzerResourceOptions();
  options.setCustomtimeouts(new AnalyzerResourceOptions.CustomTimeouts());
  resource.setOptions(options);
  return resource;
}
