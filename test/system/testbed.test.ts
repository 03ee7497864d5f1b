/** The throw-away cluster itself: it starts, answers, and leaves nothing behind. */
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { describeOnTestbed, startTestbed } from "../support/testbed.ts";

describeOnTestbed("api", "the throw-away cluster", () => {
  test("answers kubectl, gives namespaces, and its folder goes with it", async () => {
    const testbed = await startTestbed("api");
    try {
      const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
      const namespace = await testbed.createNamespace("first", labels);
      expect(namespace).toMatch(/^first-/);
      const map = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "words" },
        data: { one: "1" },
      };
      await testbed.kubectl(["-n", namespace, "create", "-f", "-"], JSON.stringify(map));
      const args = ["-n", namespace, "get", "configmap", "words", "-o", "jsonpath={.data.one}"];
      expect(await testbed.kubectl(args)).toBe("1");
    } finally {
      await testbed.stop();
    }
    if (testbed.directory !== undefined) expect(existsSync(testbed.directory)).toBe(false);
  });
});
