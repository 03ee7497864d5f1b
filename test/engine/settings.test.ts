/** Precedence of the configuration's layers, and what each refuses. */
import { expect, test } from "vitest";
import { layerSettings, planChange } from "../../engine/settings.ts";

const file = (text: string) => ({ path: "engine.yaml", text });

test("defaults hold where no layer says anything", () => {
  const config = layerSettings({});
  expect(config.ports).toEqual({ main: 5000, ollama: 11_434 });
  expect(config.log.level).toBe("info");
});

test("each layer is stronger than the one before, key by key", () => {
  const config = layerSettings({
    file: file("log: {level: debug, format: json}\nports: {main: 6000, ollama: 6001}\n"),
    environment: { ECHORATOR_LOG__LEVEL: "warn", ECHORATOR_PORTS__MAIN: "6002", PATH: "/bin" },
    sets: ["ports.main=6003", "log.level=error"],
  });
  expect(config.log).toEqual({ level: "error", format: "json" });
  expect(config.ports).toEqual({ main: 6003, ollama: 6001 });
});

test("the environment's names are words of the path, its values YAML", () => {
  const config = layerSettings({
    environment: {
      ECHORATOR_INFERENCE__QUEUE_LENGTH: "3",
      ECHORATOR_KEYS: `[{"name": "a", "sha256": "${"0".repeat(64)}"}]`,
      ECHORATOR_HOME: "/anywhere",
    },
  });
  expect(config.inference.queueLength).toBe(3);
  expect(config.keys[0]).toMatchObject({ name: "a", tenant: "default", scopes: ["use"] });
});

test("a single setting is stronger than its section in the same layer", () => {
  const config = layerSettings({
    environment: {
      ECHORATOR_PORTS__MAIN: "7001",
      ECHORATOR_PORTS: "{main: 7000, ollama: 7002}",
    },
  });
  expect(config.ports).toEqual({ main: 7001, ollama: 7002 });
});

test("lists are replaced whole", () => {
  const config = layerSettings({
    file: file("models: [{name: a, source: 'bundled:x'}, {name: b, source: 'bundled:x'}]"),
    sets: ['models=[{name: c, source: "bundled:y"}]'],
  });
  expect(config.models.map(model => model.name)).toEqual(["c"]);
});

test.each([
  ["an unknown variable", { environment: { ECHORATOR_LOG__LEVLE: "x" } }, /ECHORATOR_LOG__LEVLE/],
  [
    "an unknown key of the file",
    { file: file("prots: {}") },
    /engine.yaml .*prots: there is no such field/,
  ],
  ["an unknown --set", { sets: ["log.colour=red"] }, /the command line .*log.colour/],
  ["a --set without value", { sets: ["log"] }, /key\.path=value/],
  ["a wrong value", { sets: ["ports.main=seven"] }, /ports.main/],
  ["a file that is no mapping", { file: file("- 1") }, /holds no mapping/],
  ["a file that is no YAML", { file: file("a: [") }, /engine.yaml is no valid YAML/],
  ["a public bind without keys", { sets: ["host=0.0.0.0"] }, /auth: none/],
])("%s is refused in one sentence", (_, layers, message) => {
  expect(() => layerSettings(layers)).toThrow(message);
});

test("the sentence on an unknown variable says which exist", () => {
  try {
    layerSettings({ environment: { ECHORATOR_X: "1" } });
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: "invalid_config" });
    expect((error as { remedy: string }).remedy).toContain("ECHORATOR_INFERENCE__REQUEST_SECONDS");
  }
});

test("names of prototypes are ordinary unknown keys", () => {
  expect(() => layerSettings({ file: file("__proto__: {host: x}\nconstructor: 1") })).toThrow();
});

test("a live change applies what may change and names what waits", () => {
  const config = layerSettings({ sets: ["log.level=warn"] });
  const { next, applied, needsRestart } = planChange(config, {
    log: { level: "debug", format: "json" },
    ports: { main: 6000 },
    memory: { main: "on" },
  });
  expect(applied).toEqual(["log.level"]);
  expect(needsRestart.sort()).toEqual(["log.format", "ports.main"]);
  expect(next.log).toEqual({ level: "debug", format: "auto" });
  expect(next.ports.main).toBe(5000);
});

test("a live change is checked as a whole", () => {
  const config = layerSettings({});
  expect(() => planChange(config, { host: "0.0.0.0" })).toThrow(/keys/);
  expect(() => planChange(config, { log: { colour: "red" } })).toThrow(/log.colour/);
});
