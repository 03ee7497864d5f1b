/** The engine's configuration: exact defaults, and which field a refusal names. */
import { expect, test } from "vitest";
import { EngineConfig, parseEngineConfig } from "../../../engine/contract/config.ts";

test("an empty configuration is a whole one", () => {
  expect(EngineConfig.parse({})).toEqual({
    role: "all",
    gateway: { installation: "echorator", workers: {}, holdSeconds: 300, scaler: true },
    stores: { kind: "sqlite" },
    graceSeconds: 10,
    host: "127.0.0.1",
    ports: { main: 5000, ollama: 11_434 },
    auth: "keys",
    keys: [],
    models: [],
    memory: { main: "on", compatible: "off", recallTokens: 320 },
    inference: { queueLength: 64, requestSeconds: 600 },
    log: { level: "info", format: "auto" },
  });
});

test("a model needs a name and a source, the rest has defaults", () => {
  const config = EngineConfig.parse({ models: [{ name: "a", source: "bundled:echo-tiny" }] });
  expect(config.models[0]).toEqual({
    name: "a",
    source: "bundled:echo-tiny",
    aliases: [],
    required: true,
    slots: 4,
    sampling: {},
  });
});

const model = { name: "a", source: "bundled:echo-tiny" };
const refused: Record<string, [unknown, RegExp]> = {
  "wrong type": [{ ports: { main: "x" } }, /ports\.main/],
  "unknown field": [{ prots: {} }, /prots: there is no such field/],
  "unknown field inside": [{ models: [{ ...model, slot: 2 }] }, /models\[0\]\.slot: there is no/],
  "bad source": [{ models: [{ ...model, source: "x" }] }, /models\[0\]\.source: .*bundled:/],
  "bad percent sign in a source": [
    { models: [{ ...model, source: "file:///%zz" }] },
    /models\[0\]\.source: .*write %25/,
  ],
  "key of a Secret that leads out of its folder": [
    { models: [{ ...model, sourceSecret: { name: "s", key: "../token" } }] },
    /models\[0\]\.sourceSecret\.key: a key of a Secret/,
  ],
  "bad name": [{ models: [{ ...model, name: "A B" }] }, /models\[0\]\.name: .*DNS label/],
  "double name": [{ models: [model, model] }, /models\[1\]: the name "a" is used twice/],
  "same ports": [{ ports: { main: 7, ollama: 7 } }, /two different ports/],
  "open without keys": [{ host: "0.0.0.0" }, /host: .*auth: none/],
  "key in clear": [{ keys: [{ name: "k", sha256: "secret" }] }, /keys\[0\]\.sha256/],
};

test.each(Object.entries(refused))("%s is refused with its field", (_name, [value, message]) => {
  expect(() => parseEngineConfig(value, "the file")).toThrow(message);
});
