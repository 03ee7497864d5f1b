/** The graph of a local stack: which resources its program registers, under which parents, with which inputs. */
import { homedir } from "node:os";
import { join } from "node:path";
import { runtime } from "@pulumi/pulumi";
import { beforeAll, expect, test } from "vitest";

interface Registered {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
}

const registered: Registered[] = [];
let program: typeof import("../../stacks/index.ts");

beforeAll(async () => {
  runtime.setMocks(
    {
      call: args => args,
      newResource: ({ type, name, inputs }) => {
        registered.push({ type, name, inputs });
        const made = type === "echo:local:Process" ? { instance: "i1" } : { state: "ready" };
        return { id: name, state: { ...inputs, ...made } };
      },
    },
    "echorator",
    "anything",
    false,
  );
  runtime.setAllConfig({
    "echorator:ports": '{"main":6000,"ollama":6001}',
    "echorator:models":
      '[{"name":"a","source":"bundled:echo-tiny","replicas":{"min":2,"max":2}},{"name":"b","source":"file:///b.gguf"}]',
  });
  program = await import("../../stacks/index.ts");
  await runtime.disconnect();
});

const inputsOf = (name: string) => registered.find(entry => entry.name === name)?.inputs;

test("a pool with its process, and a model with what serves it, for each of the stack's", () => {
  expect(registered.map(({ type, name }) => `${type} ${name}`).sort()).toEqual([
    "echo:components:EnginePool engine",
    "echo:components:Model a",
    "echo:components:Model b",
    "echo:local:Process engine-process",
    "echo:local:ServedModel a-served",
    "echo:local:ServedModel b-served",
  ]);
});

test("components have no inputs of their own", () => {
  expect([inputsOf("engine"), inputsOf("a")]).toEqual([{}, {}]);
});

test("the process is told all settings and no model", () => {
  expect(inputsOf("engine-process")).toEqual({
    home: process.env.ECHORATOR_HOME ?? join(homedir(), ".echorator"),
    host: "127.0.0.1",
    ports: { main: 6000, ollama: 6001 },
    config: {
      auth: "keys",
      keys: [],
      memory: { main: "on", compatible: "off", recallTokens: 320 },
      inference: { queueLength: 64, requestSeconds: 600 },
      log: { level: "info", format: "auto" },
    },
    engineVersion: expect.any(String),
  });
});

test("a model is told its engine and its spec without what only a cluster can honour", () => {
  expect(inputsOf("a-served")).toEqual({
    home: expect.any(String),
    endpoint: "http://127.0.0.1:6000",
    instance: "i1",
    spec: {
      name: "a",
      source: "bundled:echo-tiny",
      aliases: [],
      required: true,
      slots: 4,
      sampling: {},
    },
  });
});

test("the outputs say where it listens, what it serves, what it keeps and what to try", () => {
  expect(program.endpoints).toEqual({
    main: "http://127.0.0.1:6000",
    ollama: "http://127.0.0.1:6001",
  });
  expect(Object.keys(program.models)).toEqual(["a", "b"]);
  expect(program.memory).toMatchObject({ mode: { main: "on", compatible: "off" } });
  expect(program.try).toContain("curl http://127.0.0.1:6001/api/chat");
});
