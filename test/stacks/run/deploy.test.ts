/** What a command does with a home or stack files that cannot be read. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSecrets } from "../../../stacks/embedded/secrets.ts";
import { deploy, ensureStack } from "../../../stacks/run/deploy.ts";
import { openHome } from "../../../stacks/run/home.ts";
import { projectRoot } from "../../support/copy.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "echorator-deploy-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("down goes by the state when the stack's files are broken, and does not touch them", async () => {
  const broken = "config:\n  echorator:ports: {main: [\n";
  const path = join(folder, "home", "Pulumi.local.yaml");
  const home = openHome({ ECHORATOR_HOME: join(folder, "home") });
  const project = {
    ...{ name: "echorator", root: projectRoot, main: projectRoot, configFolder: folder },
    plugins: new Map<string, string>(),
  };
  writeFileSync(path, broken);
  let said = "";
  const run = (command: "up" | "down", stack: string) =>
    deploy({
      ...{ command, stack, isPurge: false, project, home },
      environment: { PATH: folder },
      out: { write: text => (said += text), columns: undefined, rows: undefined },
      signal: new AbortController().signal,
    });
  await expect(run("down", "local")).rejects.toThrow("Pulumi.local.yaml line 3");
  ensureStack({ stack: "local", home, project }, await createSecrets(home.passphrase));
  await expect(run("up", "local")).rejects.toThrow("Pulumi.local.yaml line 3");
  expect(await run("down", "local")).toBe(0);
  expect(said).toContain("by its state");
  expect(readFileSync(path, "utf8")).toBe(broken);
  await expect(run("down", "nope")).rejects.toThrow('no stack "nope"');
  await expect(run("down", "../local")).rejects.toThrow("no stack");
});

test("a home that is no folder is refused by name", () => {
  writeFileSync(join(folder, "file"), "");
  for (const path of [join(folder, "file"), join(folder, "file", "below")])
    expect(() => openHome({ ECHORATOR_HOME: path })).toThrow(`the home folder ${path} cannot be`);
  mkdirSync(join(folder, "other", "passphrase"), { recursive: true });
  expect(() => openHome({ ECHORATOR_HOME: join(folder, "other") })).toThrow(/cannot be used/);
});
