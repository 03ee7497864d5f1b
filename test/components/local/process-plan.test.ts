/** What becomes of an engine's process, decided without one. */
import { expect, test } from "vitest";
import {
  describePortInUse,
  ownerOf,
  planDiff,
  planStart,
  removedSettings,
  toUrl,
} from "../../../components/local/process-plan.ts";
import type { SupervisorRecord } from "../../../components/local/supervisor-record.ts";

const inputs = {
  home: "/home/me/.echorator",
  host: "127.0.0.1",
  ports: { main: 5000, ollama: 11_434 },
  config: { log: { level: "info" } },
  engineVersion: "1",
};

test("the same inputs of a live process are no change", () => {
  expect(planDiff({ ...inputs, pid: 1 }, inputs, true)).toEqual({ changes: false, replaces: [] });
});

const diffs: Record<string, [object, boolean, object]> = {
  "a dead process is replaced": [{}, false, { changes: true, replaces: ["pid"] }],
  "settings change in place": [
    { config: { log: { level: "debug" } } },
    true,
    { changes: true, replaces: [] },
  ],
  "a host is another process": [{ host: "::1" }, true, { changes: true, replaces: ["host"] }],
  "a port is another process": [
    { ports: { main: 5001, ollama: 11_434 } },
    true,
    { changes: true, replaces: ["ports"] },
  ],
  "a home is another process": [{ home: "/x" }, true, { changes: true, replaces: ["home"] }],
  "a version is another process": [
    { engineVersion: "2" },
    true,
    { changes: true, replaces: ["engineVersion"] },
  ],
};

for (const [name, [change, alive, expected]] of Object.entries(diffs))
  test(name, () => expect(planDiff(inputs, { ...inputs, ...change }, alive)).toEqual(expected));

const record: SupervisorRecord = {
  ...inputs,
  instance: "i",
  owner: "echorator/local",
  entry: "main.ts",
  supervisor: { pid: 1, startTime: "1" },
  engine: { pid: 2, startTime: "2" },
  starts: 1,
  state: "running",
  message: "",
};
const alive = { supervisor: true, engine: true, sameSettings: true };

const starts: Record<string, [Partial<SupervisorRecord>, Partial<typeof alive>, string]> = {
  "as wanted": [{}, {}, "adopt"],
  "its engine is between two starts": [{}, { engine: false }, "adopt"],
  "other ports": [{ ports: { main: 1, ollama: 2 } }, {}, "stop-first"],
  "another version": [{ engineVersion: "0" }, {}, "stop-first"],
  "other settings": [{}, { sameSettings: false }, "stop-first"],
  "gave up": [{ state: "gave-up" }, {}, "stop-first"],
  "an engine without its supervisor": [{}, { supervisor: false }, "stop-first"],
  "nothing lives": [{}, { supervisor: false, engine: false }, "start"],
  "another stack's": [{ owner: "echorator/other" }, {}, "refuse"],
  "another stack's remains": [
    { owner: "echorator/other" },
    { supervisor: false, engine: false },
    "start",
  ],
};

for (const [name, [change, found, expected]] of Object.entries(starts))
  test(`create where a record is: ${name} → ${expected}`, () => {
    const plan = planStart(
      { ...record, ...change },
      { ...alive, ...found },
      inputs,
      "echorator/local",
    );
    expect(plan.do).toBe(expected);
  });

test("create where no record is starts", () => {
  expect(planStart(undefined, alive, inputs, "echorator/local")).toEqual({ do: "start" });
});

test("the owner is the urn's project and stack", () => {
  expect(ownerOf("urn:pulumi:local::echorator::echo:local:Process::p")).toBe("echorator/local");
});

test("a client on this machine reaches an address in its own form", () => {
  expect(toUrl("127.0.0.1", 5000)).toBe("http://127.0.0.1:5000");
  expect(toUrl("0.0.0.0", 5000)).toBe("http://127.0.0.1:5000");
  expect(toUrl("::1", 5000)).toBe("http://[::1]:5000");
  expect(toUrl("models.lan", 80)).toBe("http://models.lan:80");
});

test("what a patch cannot say is found: fields that are no longer there", () => {
  const olds = { inference: { threads: 2, queueLength: 1 }, auth: "none", keys: [] };
  const news = { inference: { queueLength: 1 }, keys: [] };
  expect(removedSettings(olds, news)).toEqual(["inference.threads", "auth"]);
  expect(removedSettings(news, olds)).toEqual([]);
});

test("a port in use names who has it and the line to change", () => {
  const port = { name: "ollama", number: 11_434, host: "127.0.0.1" } as const;
  const place = { home: "/h", stack: "local" };
  expect(describePortInUse(port, "process 7 (ollama serve)", place)).toBe(
    "port 11434 is in use by process 7 (ollama serve). End it, or write another port as " +
      "echorator:ports.ollama in /h/Pulumi.local.yaml: npm run config -- set --path echorator:ports.ollama 11435",
  );
  expect(describePortInUse(port, undefined, { ...place, stack: "dev" })).toMatch(
    /\/h\/Pulumi\.dev\.yaml: npm run config -- set --stack dev --path echorator:ports\.ollama 11435$/,
  );
  expect(describePortInUse({ ...port, host: "10.0.0.1" }, undefined, place)).toMatch(
    /^port 11434 of 10\.0\.0\.1 is in use by another process\./,
  );
});
