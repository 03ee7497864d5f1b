/** The life cycles of a stack, with the embedded engine always and with the real CLI wherever there is one. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  cliAbsence,
  comparable,
  createStand,
  type Ended,
  type EngineName,
  password,
  type Stand,
  type StoredResource,
  until,
} from "../support/lifecycle-stand.ts";

const absence = cliAbsence();
const engines: EngineName[] = absence === undefined ? ["embedded", "pulumi"] : ["embedded"];
if (absence !== undefined) console.info(`life cycles with the real CLI are skipped: ${absence}`);

let stand: Stand;

/** Fails with what the engine said, which says more than an exit code. */
function expectSuccess({ code, output }: Ended): void {
  expect(code, output).toBe(0);
}

function expectFailure({ code, output }: Ended, words: string): void {
  expect(code, output).not.toBe(0);
  expect(output).toContain(words);
}

function find(name: string): StoredResource | undefined {
  return stand.state().resources.find(({ urn }) => urn.endsWith(`::${name}`));
}

function textIn(id: string): string {
  return JSON.parse(readFileSync(join(stand.files, `${id}.json`), "utf8")).text;
}

describe.each(engines)("with the %s engine", engine => {
  beforeEach(async () => {
    stand = await createStand(engine);
  });
  afterEach(() => stand[Symbol.dispose]());

  test("creates in the order of dependencies, changes nothing the second time, and takes all down", async () => {
    const things = [
      { name: "a", text: "one" },
      { name: "b", from: "a", group: "g" },
      { name: "c", text: "three", after: ["b"] },
    ];
    const preview = await stand.run("preview", things);
    expectSuccess(preview);
    expect(stand.things()).toEqual([]);
    expectSuccess(await stand.run("up", things));
    expect(stand.journal().filter(line => line.startsWith("create "))).toEqual([
      "create a@here",
      "create b@here",
      "create c@here",
    ]);
    expect(textIn("b@here")).toBe("see file a@here");
    const before = comparable(stand.state());
    expectSuccess(await stand.run("up", things));
    expect(stand.journal()).toEqual([]);
    expect(comparable(stand.state())).toEqual(before);
    expectSuccess(await stand.run("down", things));
    expect(stand.journal()).toEqual(["delete c@here", "delete b@here", "delete a@here"]);
    expect(stand.things()).toEqual([]);
    expect(stand.state().resources).toEqual([]);
  });

  test("updates in place what changed, hands new outputs on, and deletes what is gone", async () => {
    expectSuccess(
      await stand.run("up", [
        { name: "a", text: "one" },
        { name: "b", text: "two" },
      ]),
    );
    stand.journal();
    expectSuccess(await stand.run("up", [{ name: "a", text: "ONE" }]));
    expect(stand.journal()).toEqual(["update a@here", "delete b@here"]);
    expect(textIn("a@here")).toBe("ONE");
    expect(find("a")?.inputs).toEqual({ text: "ONE", place: "here" });
    expect(find("b")).toBeUndefined();
  });

  test("replaces: the new one first, its dependents follow, the old one last", async () => {
    const things = (place: string) => [
      { name: "a", text: "one", place },
      { name: "b", from: "a" },
    ];
    expectSuccess(await stand.run("up", things("here")));
    stand.journal();
    expectSuccess(await stand.run("up", things("there")));
    expect(stand.journal()).toEqual([
      "create a@there",
      "created a@there",
      "update b@here",
      "delete a@here",
    ]);
    expect(textIn("b@here")).toBe("see file a@there");
    expect(stand.state().resources.some(resource => resource.delete === true)).toBe(false);
  });

  test("replaces the other way round when the program says so, dependents that cannot change first", async () => {
    const options = { deleteBeforeReplace: true };
    const things = (place: string, text: string) => [
      { name: "a", text, place, options },
      { name: "b", from: "a", place: "beside" },
    ];
    expectSuccess(await stand.run("up", things("here", "one")));
    stand.journal();
    expectSuccess(await stand.run("up", things("there", "one")));
    expect(stand.journal().slice(0, 2)).toEqual(["delete a@here", "create a@there"]);
    expectSuccess(await stand.run("up", things("there", "replace me")));
    expect(stand.journal()).toContain("delete a@there");
    expect(stand.things()).toEqual(["a@there", "b@beside"]);
  });

  test("sees drift by refresh, and a following up mends it", async () => {
    const things = [
      { name: "a", text: "one" },
      { name: "b", text: "two" },
    ];
    expectSuccess(await stand.run("up", things));
    writeFileSync(join(stand.files, "a@here.json"), JSON.stringify({ text: "drifted" }));
    rmSync(join(stand.files, "b@here.json"));
    expectSuccess(await stand.run("refresh", things));
    expect(find("a")?.outputs).toMatchObject({ text: "drifted" });
    expect(find("b")).toBeUndefined();
    stand.journal();
    expectSuccess(await stand.run("up", things));
    expect(stand.journal().sort()).toEqual(["create b@here", "created b@here", "update a@here"]);
    expect(textIn("a@here")).toBe("one");
  });

  test("fails half-way: what was made is kept, nothing is deleted, and a corrected up finishes", async () => {
    expectSuccess(await stand.run("up", [{ name: "old", text: "x" }]));
    const things = (text: string) => [
      { name: "a", text: "one" },
      { name: "b", text, after: ["a"] },
      { name: "c", text: "three", after: ["b"] },
    ];
    expectFailure(await stand.run("up", things("bad")), "b@here cannot be made");
    expect(find("a")).toBeDefined();
    expect(find("b")).toBeUndefined();
    expect(find("old")).toBeDefined();
    expect(stand.state().pending).toEqual([]);
    expectSuccess(await stand.run("up", things("good")));
    expect(stand.things()).toEqual(["a@here", "b@here", "c@here"]);
  });

  test("keeps what came up only half, and updates it the next time", async () => {
    expectFailure(
      await stand.run("up", [{ name: "a", text: "half" }]),
      "it is there but does not work yet",
    );
    expect(find("a")?.initErrors).toEqual(["it is there but does not work yet"]);
    stand.journal();
    expectSuccess(await stand.run("up", [{ name: "a", text: "whole" }]));
    expect(stand.journal()).toEqual(["update a@here"]);
    expect(find("a")?.initErrors).toBeUndefined();
  });

  test("refuses bad configuration of a resource with every reason, before anything is made", async () => {
    const ended = await stand.run("preview", [{ name: "a", text: "", place: "nowhere" }]);
    expectFailure(ended, "must not be empty");
    expect(ended.output).toContain("there is no such place");
    expect(stand.things()).toEqual([]);
  });

  test("protects: neither removal nor replacement nor down touches it", async () => {
    const options = { protect: true };
    const things = [
      { name: "a", text: "one", options },
      { name: "b", text: "two" },
    ];
    expectSuccess(await stand.run("up", things));
    stand.journal();
    expectFailure(await stand.run("up", [{ name: "b", text: "two" }]), "protect");
    const moved = [
      { name: "a", text: "one", place: "there", options },
      { name: "b", text: "two" },
    ];
    expectFailure(await stand.run("up", moved), "protect");
    expect(stand.journal()).toEqual([]);
    expectFailure(await stand.run("down", things), "protect");
    // The CLI takes down what is not protected; the embedded engine takes down all or nothing.
    const left = engine === "pulumi" ? ["a@here"] : ["a@here", "b@here"];
    expect(stand.things()).toEqual(left);
  });

  test("keeps secrets out of the state and off the screen", async () => {
    const { code, output } = await stand.run("up", [{ name: "a", sealed: true }]);
    expect(code, output).toBe(0);
    expect(textIn("a@here")).toBe(password);
    expect(stand.stateText()).not.toContain(password);
    expect(output).not.toContain(password);
    expect(output).toContain("[secret]");
    stand.journal();
    expectSuccess(await stand.run("up", [{ name: "a", sealed: true }]));
    expect(stand.journal()).toEqual([]);
  });

  test("works side by side on what does not depend on each other", async () => {
    const things = ["a", "b", "c"].map(name => ({ name, text: name }));
    for (const { name } of things) stand.hold(`${name}@here`);
    const running = stand.start("up", things);
    for (const { name } of things) await stand.untilNoted(`create ${name}@here`, running);
    for (const { name } of things) stand.release(`${name}@here`);
    expectSuccess(await running.ended);
  });

  test("lets go of what is to be retained", async () => {
    const options = { retainOnDelete: true };
    expectSuccess(await stand.run("up", [{ name: "a", text: "one", options }]));
    stand.journal();
    expectSuccess(await stand.run("up", []));
    expect(stand.journal()).toEqual([]);
    expect(find("a")).toBeUndefined();
    expect(stand.things()).toEqual(["a@here"]);
  });

  test("cancels on Ctrl-C, and the next up goes on", async () => {
    const things = [
      { name: "a", text: "one" },
      { name: "b", text: "two", after: ["a"] },
    ];
    stand.hold("b@here");
    const running = stand.start("up", things);
    await stand.untilNoted("create b@here", running);
    running.child.kill("SIGINT");
    const { code } = await running.ended;
    expect(code).not.toBe(0);
    expect(find("a")).toBeDefined();
    expect(find("b")).toBeUndefined();
    expect(stand.state().pending).toEqual([]);
    stand.release("b@here");
    expectSuccess(await stand.run("up", things));
    expect(stand.things()).toEqual(["a@here", "b@here"]);
  });
});

describe("with the embedded engine alone", () => {
  beforeEach(async () => {
    stand = await createStand("embedded");
  });
  afterEach(() => stand[Symbol.dispose]());

  /** Kills a deployment with signal 9 while `id` is in the middle of an operation. */
  async function killDuring(id: string, things: object[]): Promise<void> {
    stand.hold(id);
    const running = stand.start("up", things);
    await until(() => stand.journal().some(line => line.endsWith(id)));
    running.child.kill("SIGKILL");
    await running.ended;
    stand.release(id);
  }

  test("goes on after kill -9: takes over the lock, repairs a creation that was cut off", async () => {
    const things = [
      { name: "a", text: "one" },
      { name: "b", text: "two", after: ["a"] },
    ];
    await killDuring("b@here", things);
    expect(stand.state().pending.map(({ type }) => type)).toEqual(["creating"]);
    const ended = await stand.run("up", things);
    expectSuccess(ended);
    expect(ended.output).toContain("took over the lock of process");
    expect(ended.output).toContain("cut off while creating files:index:Thing b");
    expect(stand.journal()).toContain("adopt b@here");
    expect(stand.state().pending).toEqual([]);
    expect(textIn("b@here")).toBe("two");
  });

  test("deletes what a killed creation left behind and nobody wants any more", async () => {
    await killDuring("b@here", [{ name: "b", text: "two" }]);
    expect(stand.things()).toEqual(["b@here"]);
    expectSuccess(await stand.run("up", [{ name: "a", text: "one" }]));
    expect(stand.things()).toEqual(["a@here"]);
    await killDuring("c@here", [
      { name: "a", text: "one" },
      { name: "c", text: "three" },
    ]);
    expectSuccess(await stand.run("down", []));
    expect(stand.things()).toEqual([]);
    expect(stand.state()).toEqual({ resources: [], pending: [] });
  });

  test("repeats an update that was cut off, although the inputs are as before", async () => {
    expectSuccess(await stand.run("up", [{ name: "a", text: "one" }]));
    stand.journal();
    await killDuring("a@here", [{ name: "a", text: "two" }]);
    expectSuccess(await stand.run("up", [{ name: "a", text: "one" }]));
    expect(stand.journal()).toEqual(["update a@here"]);
    expect(stand.state().pending).toEqual([]);
  });

  test("two at once: the second refuses in one sentence that names the first", async () => {
    const things = [{ name: "a", text: "one" }];
    stand.hold("a@here");
    const first = stand.start("up", things);
    await stand.untilNoted("create a@here", first);
    const second = await stand.run("up", things);
    expectFailure(second, `is being deployed by process ${first.child.pid}`);
    stand.release("a@here");
    expectSuccess(await first.ended);
  });

  test.each([{ ignoreChanges: ["text"] }, { aliases: [{ name: "b" }] }])(
    "refuses by name what it does not do: %o",
    async options => {
      const [wish = ""] = Object.keys(options);
      const things = [{ name: "a", text: "one", options }];
      const refusal = `the embedded deployment engine has no ${wish} (files:index:Thing a)`;
      expectFailure(await stand.run("up", things), refusal);
      expect(stand.things()).toEqual([]);
    },
  );

  test("a program that throws deletes nothing", async () => {
    expectSuccess(await stand.run("up", [{ name: "a", text: "one" }]));
    stand.journal();
    const things = [{ name: "b", text: "two" }, { name: "stumble" }];
    expectFailure(await stand.run("up", things), "the program stumbles");
    expect(stand.things()).toContain("a@here");
  });
});

describe("states that the real CLI exported", () => {
  const exported = (name: string): string =>
    readFileSync(new URL(`../fixtures/states/${name}.json`, import.meta.url), "utf8");
  const saltOf = (text: string): string =>
    JSON.parse(text).checkpoint.latest.secrets_providers.state.salt;
  const options = { protect: true };

  test.each([
    [
      "plain",
      [
        { name: "a", text: "one" },
        { name: "b", from: "a", group: "g" },
        { name: "c", sealed: true, after: ["b"], options },
      ],
    ],
    ["replaced", [{ name: "a", text: "one", place: "there" }]],
  ])("%s: the embedded engine goes on without a change, to the letter", async (name, things) => {
    const text = exported(name);
    using one = await createStand("embedded", saltOf(text));
    one.setState(text);
    const ended = await one.run("up", things);
    expectSuccess(ended);
    expect(ended.output).toContain("No changes.");
    expect(one.journal()).toEqual([]);
    expect(one.stateText()).toBe(text);
  });

  test("unfinished: what came up only half is updated", async () => {
    const text = exported("unfinished");
    using one = await createStand("embedded", saltOf(text));
    one.setState(text);
    expectSuccess(await one.run("up", [{ name: "a", text: "whole" }]));
    expect(one.journal()).toEqual(["update a@here"]);
  });
});

describe.skipIf(absence !== undefined)("both engines over one state", () => {
  const things = [
    { name: "a", text: "one" },
    { name: "b", from: "a", group: "g" },
    {
      name: "c",
      sealed: true,
      after: ["b"],
      options: { protect: false },
    },
  ];

  test.each([
    ["embedded", "pulumi"],
    ["pulumi", "embedded"],
  ] as const)("what %s deployed, %s continues without a change", async (first, second) => {
    using one = await createStand(first);
    using other = await createStand(second);
    expectSuccess(await one.run("up", things));
    expectSuccess(await other.run("up", things));
    expect(comparable(one.state())).toEqual(comparable(other.state()));
    one.journal();
    const next = one.with(second);
    expectSuccess(await next.run("up", things));
    expect(next.journal().filter(line => !line.startsWith("create"))).toEqual([]);
    expect(comparable(next.state())).toEqual(comparable(other.state()));
    expectSuccess(await next.run("down", things));
    expect(one.things()).toEqual([]);
  });
});
