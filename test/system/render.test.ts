/** Rendered stacks on a real API server: kubectl takes every file as it is, and a second time nothing changes. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { projectRoot } from "../support/copy.ts";
import { describeOnTestbed, startTestbed, type Testbed } from "../support/testbed.ts";

describeOnTestbed("api", "rendered stacks", () => {
  let testbed: Testbed;
  let folder = "";

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "echorator-render-"));
    testbed = await startTestbed("api");
  });

  afterAll(async () => {
    await testbed?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const render = (stack: string): string => {
    const out = join(folder, stack);
    const args = ["stacks/run.ts", "render", stack, "--out", out];
    const own = { HF_ENDPOINT: "http://127.0.0.1:1", ECHORATOR_HOME: join(folder, "home") };
    execFileSync(process.execPath, args, { cwd: projectRoot, env: { ...process.env, ...own } });
    return out;
  };

  test.each(["dev", "staging"])(
    "%s is applied as the README says, and twice is once",
    async stack => {
      const out = render(stack);
      const files = readdirSync(out).filter(file => file.endsWith(".yaml"));
      const apply = async () =>
        (await testbed.kubectl(["apply", "--server-side", "-f", out, "-o", "json"])) as string;
      const versions = (text: string) =>
        (
          JSON.parse(text) as { items: { metadata: { uid: string; generation?: number } }[] }
        ).items.map(({ metadata }) => `${metadata.uid} ${metadata.generation}`);
      const first = versions(await apply());
      expect(first).toHaveLength(files.length);
      expect(versions(await apply())).toEqual(first);
    },
  );
});
