/** What a stack file may say, and how a wrong one is refused: by the path that its author wrote. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { parseStackConfig } from "../../stacks/parse-config.ts";
import { renderTryLine } from "../../stacks/try-line.ts";

/** As the deployment engine hands it on: texts, objects as JSON. */
function toValues(config: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

test("the tracked stack file is right, and is the engine's configuration with a target", () => {
  const text = readFileSync(new URL("../../stacks/Pulumi.local.yaml", import.meta.url), "utf8");
  const result = parseStackConfig(toValues(parse(text).config));
  expect(result).toMatchObject({
    target: "process",
    engine: {
      host: "127.0.0.1",
      ports: { main: 5000, ollama: 11_434 },
      models: [
        {
          name: "assistant",
          source: "bundled:echo-tiny",
          context: 1024,
          slots: 4,
          sampling: { temperature: 0 },
        },
      ],
    },
  });
});

test.each(["dev", "staging"])("the tracked stack file of %s is right as well", name => {
  const text = readFileSync(new URL(`../../stacks/Pulumi.${name}.yaml`, import.meta.url), "utf8");
  const result = parseStackConfig(toValues(parse(text).config));
  expect(result).toMatchObject({
    target: "kubernetes",
    engine: { host: "0.0.0.0", models: [{ name: "assistant" }, {}] },
    platform: { installation: name === "dev" ? "echorator" : name, gateway: { holdSeconds: 300 } },
  });
});

test("nothing at all is a stack without models", () => {
  expect(parseStackConfig({})).toMatchObject({ target: "process", engine: { models: [] } });
});

test("other namespaces are none of ours", () => {
  expect(parseStackConfig({ "aws:region": "eu-central-1" })).not.toHaveProperty("problems");
});

const cluster = { "echorator:target": "kubernetes", "echorator:auth": "none" };
const model = { name: "a", source: "bundled:echo-tiny" };
const refused: Record<string, [Record<string, unknown>, string, RegExp]> = {
  "a wrong number": [
    { "echorator:models": [model, { ...model, name: "b", slots: 0 }] },
    "echorator:models[1].slots",
    />=1/,
  ],
  "a misspelt field": [
    { "echorator:models": [{ ...model, contxt: 5 }] },
    "echorator:models[0].contxt",
    /no such field/,
  ],
  "a misspelt key": [{ "echorator:modles": [] }, "echorator:modles", /there are target, host/],
  "a path as a key": [{ "echorator:ports.main": 1 }, "echorator:ports.main", /echorator:ports$/],
  "a word for an object": [{ "echorator:memory": "on" }, "echorator:memory", /object.*string/],
  "an unknown level": [{ "echorator:log": { level: "loud" } }, "echorator:log.level", /"debug"/],
  "an unknown source": [
    { "echorator:models": [{ ...model, source: "ftp://x" }] },
    "echorator:models[0].source",
    /Write bundled:/,
  ],
  "an open door": [{ "echorator:host": "0.0.0.0" }, "echorator:host", /auth: none/],
  "a target to come": [
    { "echorator:target": "aws" },
    "echorator:target",
    /^aws is not built yet: this version serves target: process and target: kubernetes$/,
  ],
  "a platform of this machine": [
    { "echorator:platform": {} },
    "echorator:platform",
    /only a stack with target: kubernetes/,
  ],
  "an address on a cluster": [
    { ...cluster, "echorator:host": "0.0.0.0" },
    "echorator:host",
    /where their Service says/,
  ],
  "a cluster without keys": [
    { "echorator:target": "kubernetes" },
    "echorator:keys",
    /write `echorator:auth: none`/,
  ],
  "a wrong number of the platform": [
    { ...cluster, "echorator:platform": { gateway: { replicas: 0 } } },
    "echorator:platform.gateway.replicas",
    />=1/,
  ],
  "a misspelt field of the platform": [
    { ...cluster, "echorator:platform": { gateway: { replica: 1 } } },
    "echorator:platform.gateway.replica",
    /no such field/,
  ],
  "a database that lacks its password": [
    { ...cluster, "echorator:platform": { database: { kind: "postgres", image: "p:17" } } },
    "echorator:platform.database.password",
    /object/,
  ],
  "a profile that nobody declared": [
    { ...cluster, "echorator:models": [{ ...model, profile: "gpu" }] },
    "echorator:models[0].profile",
    /no profile "gpu"; there are cpu$/,
  ],
  "a default profile that nobody declared": [
    { ...cluster, "echorator:platform": { defaultProfile: "gpu", profiles: { big: {} } } },
    "echorator:platform.defaultProfile",
    /there are cpu, big$/,
  ],
  "no target": [{ "echorator:target": "laptop" }, "echorator:target", /"process"\|"kubernetes"/],
};

for (const [name, [config, path, message]] of Object.entries(refused))
  test(`${name} is refused at ${path}`, () => {
    expect(parseStackConfig(toValues(config))).toEqual({
      problems: [{ path, message: expect.stringMatching(message) }],
    });
  });

test("every problem is listed, not only the first", () => {
  const config = { "echorator:target": "aws", "echorator:log": 1, "echorator:x": "1" };
  const result = parseStackConfig(toValues(config));
  expect("problems" in result && result.problems.map(problem => problem.path)).toEqual([
    "echorator:x",
    "echorator:target",
    "echorator:log",
  ]);
});

test("the line to try is one that a shell takes as it is", () => {
  expect(renderTryLine("http://127.0.0.1:11434", "assistant")).toBe(
    `curl http://127.0.0.1:11434/api/chat -d '{"model":"assistant","messages":[{"role":"user","content":"Hello, who are you?"}],"stream":false}'`,
  );
});
