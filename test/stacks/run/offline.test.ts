/** `plan` and `render` as they are typed: a file of facts, refusals that name what to do, and nothing that needs a cluster. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSecrets } from "../../../stacks/embedded/secrets.ts";
import { openHome } from "../../../stacks/run/home.ts";
import { renderStack, showPlan } from "../../../stacks/run/offline.ts";
import { encodeGguf } from "../../support/gguf-encoding.ts";
import { tinyModel } from "../../support/gguf-writer.ts";
import { createModelServer, type ModelServer } from "../../support/model-server.ts";

let folder = "";
let server: ModelServer;
let said = "";

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "echorator-offline-"));
  mkdirSync(join(folder, "stacks"));
  server = await createModelServer({ files: { "m.gguf": encodeGguf(tinyModel({ seed: 1 })) } });
  said = "";
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

function write(config: object, settings: object = {}): void {
  const path = join(folder, "stacks", "Pulumi.test.yaml");
  writeFileSync(path, JSON.stringify({ ...settings, config }));
}

const cluster = { "echorator:target": "kubernetes", "echorator:auth": "none" };
const remote = () => ({ name: "a", source: `${server.url}/m.gguf`, context: 512 });

function options(home = "home") {
  return {
    stack: "test",
    project: {
      ...{ name: "echorator", root: folder, main: folder, configFolder: join(folder, "stacks") },
      plugins: new Map<string, string>(),
    },
    home: openHome({ ECHORATOR_HOME: join(folder, home) }),
    hub: { endpoint: "http://127.0.0.1:1", token: undefined },
    facts: undefined as string | undefined,
    withOperator: false,
    isAll: false,
    write: (text: string) => {
      said += text;
    },
    signal: new AbortController().signal,
  };
}

test("a file of facts makes the same rendering with and without the server", async () => {
  write({ ...cluster, "echorator:models": [remote()] });
  const facts = join(folder, "facts.json");
  expect(await renderStack({ ...options(), facts, out: join(folder, "one") })).toBe(0);
  expect(JSON.parse(readFileSync(facts, "utf8"))).toMatchObject({
    version: 1,
    readings: { [remote().source]: { shape: { blockCount: 2 } } },
  });
  await server.close();
  const other = { ...options("other"), facts, out: join(folder, "two") };
  expect(await renderStack(other)).toBe(0);
  const read = (name: string) =>
    readFileSync(join(folder, name, "07-deployment-model-a.yaml"), "utf8");
  expect(read("two")).toBe(read("one"));
  expect(said).not.toContain(`model "a"`);
});

test("a file that holds no facts is refused by name", async () => {
  write({ ...cluster, "echorator:models": [] });
  const facts = join(folder, "facts.json");
  for (const text of ["{", '{"version":9}']) {
    writeFileSync(facts, text);
    const asked = { ...options(), facts, asJson: false };
    await expect(showPlan(asked)).rejects.toThrow(`${facts} holds no facts`);
  }
});

test("a plan is a table, or data; 1 when a model cannot be", async () => {
  const platform = { profiles: { small: { memory: "16Mi" } } };
  const models = [remote(), { ...remote(), name: "b", profile: "small" }];
  write({ ...cluster, "echorator:platform": platform, "echorator:models": models });
  expect(await showPlan({ ...options(), asJson: true })).toBe(1);
  expect(JSON.parse(said)).toMatchObject({
    stack: "test",
    models: [{ name: "a", facts: { architecture: "llama" }, prediction: { contextTokens: 512 } }],
    refused: [{ name: "b", code: "does_not_fit", remedy: expect.any(String) }],
  });
  said = "";
  expect(await showPlan({ ...options(), asJson: false })).toBe(1);
  expect(said).toContain("echorator:models[1]");
});

test("a rendering with a model that cannot be writes nothing", async () => {
  const platform = { profiles: { small: { memory: "16Mi" } } };
  const models = [{ ...remote(), profile: "small" }];
  write({ ...cluster, "echorator:platform": platform, "echorator:models": models });
  const out = join(folder, "out");
  await expect(renderStack({ ...options(), out })).rejects.toMatchObject({ code: "does_not_fit" });
  expect(existsSync(out)).toBe(false);
});

test("a stack that breaks a rule is not rendered, and planned with 1: rule, object, remedy", async () => {
  const platform = { image: "registry.example/engine:latest" };
  write({ ...cluster, "echorator:platform": platform, "echorator:models": [remote()] });
  const out = join(folder, "out");
  const line =
    /image-has-version: Deployment\/model-a: Container "engine" .* Name the image with its version/;
  await expect(renderStack({ ...options(), out })).rejects.toThrow(line);
  expect(existsSync(out)).toBe(false);
  expect(await showPlan({ ...options(), asJson: false })).toBe(1);
  expect(said).toMatch(line);
});

test("advice is a warning: the first object of a rule, or all", async () => {
  write({ ...cluster, "echorator:models": [remote()] });
  const count = () => [...said.matchAll(/^warning: image-has-digest: /gm)].length;
  expect(await renderStack({ ...options(), out: join(folder, "out") })).toBe(0);
  expect(said).toMatch(/\(and \d more: --all\)/);
  expect(count()).toBe(1);
  said = "";
  expect(await renderStack({ ...options(), isAll: true, out: join(folder, "out") })).toBe(0);
  expect(count()).toBeGreaterThan(1);
});

test("a stack of this machine is no cluster's", async () => {
  write({ "echorator:models": [] });
  await expect(showPlan({ ...options(), asJson: false })).rejects.toMatchObject({
    code: "unsupported",
    remedy: expect.stringContaining("npm run preview"),
  });
});

test("a wrong file is refused with every path", async () => {
  write({ ...cluster, "echorator:modles": [], "echorator:platform": { namespace: "No" } });
  await expect(showPlan({ ...options(), asJson: false })).rejects.toThrow(
    /2 problems:\n {2}echorator:modles: .*\n {2}echorator:platform\.namespace: /,
  );
});

test("what is secret in the configuration is not rendered, and planned all the same", async () => {
  const own = options();
  const secrets = await createSecrets(own.home.passphrase);
  const system = { secure: secrets.encrypt("hidden-words") };
  const models = [{ ...remote(), system }];
  write({ ...cluster, "echorator:models": models }, { encryptionsalt: secrets.salt });
  const out = join(folder, "out");
  await expect(renderStack({ ...own, out })).rejects.toMatchObject({ field: "echorator:models" });
  expect(existsSync(out)).toBe(false);
  expect(await showPlan({ ...own, asJson: true })).toBe(0);
  expect(said).not.toContain("hidden-words");
});
