/** kollama from its command line to its exit code, against a whole engine. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEngineClient } from "../../../engine/cli/engine-client.ts";
import { createEnginePlace } from "../../../engine/cli/places/engine-place.ts";
import { runProgram } from "../../../engine/cli/program.ts";
import { verbs } from "../../../engine/cli/verbs.ts";
import { startTestEngine, type TestEngine } from "../../support/engine.ts";
import { sendTo } from "../../support/engine-send.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine({ script: () => ({ text: "Hello from the script." }) });
});
afterAll(() => engine.stop());

const sleep = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms));

interface Ended {
  code: number;
  out: string;
  told: string;
}

async function kollama(args: string[], input?: string): Promise<Ended> {
  const ended = { code: -1, out: "", told: "" };
  const client = createEngineClient("the engine", sendTo(engine), engine.adminKey);
  ended.code = await runProgram({
    args,
    streams: {
      out: text => {
        ended.out += text;
      },
      tell: text => {
        ended.told += text;
      },
      columns: undefined,
      colours: false,
      interactive: false,
      input: () => (input === undefined ? undefined : Promise.resolve(input)),
      ask: async () => undefined,
    },
    environment: {},
    openPlace: async () => createEnginePlace({ client, sleep }),
    readFile: async () => `name: filed\nsource: file://${engine.weights}\n`,
    now: () => Date.now(),
    sleep,
    signal: new AbortController().signal,
    version: "0.0.0-test",
  });
  return ended;
}

test("a model is deployed, listed, asked and taken away", async () => {
  const source = `file://${engine.weights}`;
  expect(await kollama(["deploy", "extra", source, "--slots", "2"])).toMatchObject({
    code: 0,
    out: expect.stringContaining("extra is ready"),
  });
  expect((await kollama(["list"])).out).toMatch(/^NAME .*\nassistant .*\nextra +ready +1\/1/);
  expect((await kollama(["list", "-o", "name"])).out).toBe("assistant\nextra\n");
  expect((await kollama(["describe", "extra"])).out).toContain("sha256");
  expect((await kollama(["run", "extra", "Hi"])).out).toBe("Hello from the script.\n");
  expect((await kollama(["undeploy", "extra"])).out).toBe("extra is taken away\n");
  expect((await kollama(["list", "-o", "name"])).out).toBe("assistant\n");
});

test("a spec may come from a file and from standard input", async () => {
  expect((await kollama(["deploy", "-f", "model.yaml"])).code).toBe(0);
  const text = `name: piped\nsource: file://${engine.weights}\n`;
  expect((await kollama(["deploy", "-f", "-"], text)).code).toBe(0);
  expect((await kollama(["undeploy", "filed", "piped"])).code).toBe(0);
});

test("a prompt may come on standard input", async () => {
  expect((await kollama(["run", "assistant"], "Hi")).out).toBe("Hello from the script.\n");
});

test("keys are made, listed and revoked; the key is shown once", async () => {
  const made = await kollama(["key", "create", "jane", "--tenant", "acme"]);
  expect(made.out).toMatch(/^echo-[\w-]{43}\n$/);
  expect((await kollama(["key", "list"])).out).toMatch(/jane +acme +use/);
  expect((await kollama(["key", "create", "jane"])).code).toBe(1);
  expect((await kollama(["key", "revoke", "jane"])).code).toBe(0);
  expect((await kollama(["key", "revoke", "jane"])).code).toBe(3);
});

test("memory is listed, shown and erased", async () => {
  const body = { model: "assistant", content: "My name is Zelmira." };
  const headers = { "x-api-key": engine.adminKey };
  const reply = await engine.ask("/api/v1/conversations", { body: {}, headers });
  const begun = (await reply.json()) as { id: string };
  await (await engine.ask(`/api/v1/conversations/${begun.id}/turns`, { body, headers })).text();
  expect((await kollama(["memory", "list"])).out).toContain(begun.id);
  expect((await kollama(["memory", "show", begun.id])).out).toContain("Zelmira");
  expect((await kollama(["memory", "forget", begun.id])).code).toBe(0);
  expect((await kollama(["memory", "show", begun.id])).code).toBe(3);
});

test("doctor finds nothing where nothing is wrong, and the reason where something is", async () => {
  expect(await kollama(["doctor"])).toMatchObject({
    code: 0,
    out: expect.stringContaining("Nothing"),
  });
  const gone = await kollama(["deploy", "gone", "file:///nowhere/model.gguf"]);
  expect(gone).toMatchObject({ code: 4, told: expect.stringContaining("/nowhere/model.gguf") });
  const found = await kollama(["doctor", "gone"]);
  expect(found).toMatchObject({ code: 7, out: expect.stringContaining("/nowhere/model.gguf") });
  await kollama(["undeploy", "gone"]);
});

test.each([
  [["lst"], 2, "Did you mean list"],
  [["list", "--colour"], 2, "--colour"],
  [["list", "-o", "xml"], 2, "human, json, yaml, name"],
  [["deploy", "x"], 2, "source"],
  [["deploy", "X", "bundled:echo-tiny"], 2, "DNS label"],
  [["describe"], 2, "Which model?"],
  [["describe", "nobody"], 3, "nobody"],
  [["run", "nobody", "hi"], 3, "nobody"],
  [["scale", "assistant", "3"], 1, "cluster"],
  [["scale", "assistant", "many"], 2, "no number"],
  [["logs", "assistant"], 1, "logs/"],
  [["install"], 1, "no cluster"],
  [["completion", "tcsh"], 2, "bash, zsh, fish"],
] as const)("%j ends with %s", async (args, code, told) => {
  const ended = await kollama([...args]);
  expect(ended.told).toContain(told);
  expect(ended.told).not.toContain("    at ");
  expect(ended.code).toBe(code);
});

test("help names every verb, and every verb helps", async () => {
  const { out } = await kollama(["help"]);
  for (const verb of verbs) {
    expect(out).toContain(`  ${verb.name}`);
    expect(await kollama([verb.name, "--help"])).toMatchObject({
      code: 0,
      out: expect.stringContaining(`Usage: kollama ${verb.name}`),
    });
  }
});

test("completions know the verbs and the names of models", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const { out } = await kollama(["completion", shell]);
    expect(out).toContain("undeploy");
    expect(out).toContain("kollama list -o name");
  }
});
