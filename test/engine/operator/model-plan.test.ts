/** What of a namespace's Secrets a Model can have sent, and to whom. */
import { expect, test } from "vitest";
import type { KubernetesObject } from "../../../engine/contract/kubernetes.ts";
import { ModelSpec } from "../../../engine/contract/model.ts";
import { Platform } from "../../../engine/contract/platform.ts";
import { planResource } from "../../../engine/operator/model-plan.ts";

const model: KubernetesObject = {
  apiVersion: "echorator.dev/v1alpha1",
  kind: "Model",
  metadata: { name: "echo", namespace: "echorator", uid: "u" },
};

async function tokensOf(spec: object): Promise<[source: string, token: string | undefined][]> {
  const sent: [string, string | undefined][] = [];
  await planResource(model, ModelSpec.parse({ name: "echo", ...spec }), {
    platform: Platform.parse({}),
    version: "0",
    readSecret: async () => "the database's password",
    readFacts: async (source, token) => {
      sent.push([source, token]);
      return { shape: undefined, facts: undefined, sha256: undefined, reason: "unread" };
    },
  });
  return sent;
}

test("a token goes to the hub and to no server that the Model's author names", async () => {
  const sourceSecret = { name: "echorator-postgres", key: "password" };
  const hub = "hf:owner/repo/file.gguf";
  const own = "https://server.example.org/x.gguf";
  expect(await tokensOf({ source: own, sourceSecret })).toEqual([[own, undefined]]);
  expect(await tokensOf({ source: hub, sourceSecret, canary: { source: own, weight: 1 } })).toEqual(
    [
      [hub, "the database's password"],
      [own, undefined],
    ],
  );
});
