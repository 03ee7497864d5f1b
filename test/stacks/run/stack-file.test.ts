/** The two files of a stack as one configuration, and `npm run config`. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { configure } from "../../../stacks/run/configure.ts";
import { openHome, purge } from "../../../stacks/run/home.ts";
import { carryBack, readStackFile, writeMerged } from "../../../stacks/run/stack-file.ts";

let folder: string;
let home: string;

const tracked = `# tracked
config:
  echorator:host: 127.0.0.1
  ports: { main: 5000, ollama: 11434 }
  echorator:models:
    - { name: assistant, slots: 4 }
    - { name: other }
`;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "echorator-stacks-"));
  home = join(folder, "home");
  writeFileSync(join(folder, "Pulumi.local.yaml"), tracked);
});
afterEach(() => rmSync(folder, { recursive: true }));

const files = () => ({ project: "echorator", folder, home });
const read = () => readStackFile(files(), "local");

async function config(words: string, isSecret = false): Promise<string> {
  let said = "";
  const project = {
    name: "echorator",
    root: folder,
    main: folder,
    configFolder: folder,
    plugins: new Map(),
  };
  const write = (text: string): void => {
    said += text;
  };
  const opened = openHome({ ECHORATOR_HOME: home });
  await configure({
    words: words.split(" ").filter(Boolean),
    isSecret,
    stack: "local",
    project,
    home: opened,
    write,
  });
  return said;
}

describe("merging", () => {
  test("objects of the home are laid over the tracked ones, lists and texts replace them", () => {
    openHome({ ECHORATOR_HOME: home });
    writeFileSync(
      join(home, "Pulumi.local.yaml"),
      "config:\n  echorator:ports: { main: 6000 }\n  models: [{ name: mine }]\n",
    );
    expect(read().config).toEqual({
      "echorator:host": "127.0.0.1",
      "echorator:ports": { main: 6000, ollama: 11434 },
      "echorator:models": [{ name: "mine" }],
    });
  });

  test("what is no YAML is refused with file and line", () => {
    writeFileSync(join(folder, "Pulumi.local.yaml"), "config:\n  a: 1\n  a: 2\n");
    expect(read).toThrow(/Pulumi\.local\.yaml line 3: Map keys must be unique/);
    writeFileSync(join(folder, "Pulumi.local.yaml"), "config: [1]\n");
    expect(read).toThrow("should be keys with values");
    expect(() => readStackFile(files(), "nope")).toThrow('there is no stack "nope"');
    expect(() => readStackFile(files(), "../x")).toThrow("there is no stack");
  });

  test("the merged file for the CLI holds both, and its salt is carried back", () => {
    openHome({ ECHORATOR_HOME: home });
    const file = read();
    const merged = writeMerged(file, "local", home);
    expect(readFileSync(merged, "utf8")).toContain("echorator:ports");
    writeFileSync(merged, `encryptionsalt: v1:x\n${readFileSync(merged, "utf8")}`);
    carryBack(file, merged);
    expect(read().settings.encryptionsalt).toBe("v1:x");
  });
});

describe("npm run config", () => {
  test("sets, gets and removes in the home's file, with comments kept; the tracked file stays as it is", async () => {
    openHome({ ECHORATOR_HOME: home });
    const path = join(home, "Pulumi.local.yaml");
    writeFileSync(path, "# mine\nconfig:\n  host: localhost # why\n");
    await config("set host 0.0.0.0");
    await config("set echorator:ports.main 7000");
    await config("set echorator:models[0].slots 8");
    expect(readFileSync(path, "utf8")).toMatch(/^# mine\nconfig:\n {2}host: 0\.0\.0\.0 # why/);
    expect(await config("get ports.main")).toBe("7000\n");
    expect(read().config["echorator:models"]).toEqual([
      { name: "assistant", slots: 8 },
      { name: "other" },
    ]);
    await config("rm models");
    expect(read().config["echorator:models"]).toHaveLength(2);
    await expect(config("rm models")).rejects.toThrow("does not set models");
    await expect(config("get nothing")).rejects.toThrow("nothing is not set");
    await expect(config("sett x")).rejects.toThrow("no way to ask");
    await expect(config("set a[b c")).rejects.toThrow("is no key");
    expect(readFileSync(join(folder, "Pulumi.local.yaml"), "utf8")).toBe(tracked);
  });

  test("a secret is kept under the home's salt and shown to nobody who did not ask for it", async () => {
    await config("set keys hidden-text", true);
    expect(readFileSync(join(home, "Pulumi.local.yaml"), "utf8")).not.toContain("hidden-text");
    expect(await config("get keys")).toBe("hidden-text\n");
    expect(await config("")).toContain("[secret]");
  }, 30_000);
});

describe("the home", () => {
  test("is its owner's alone, with a passphrase of its own", () => {
    const first = openHome({ ECHORATOR_HOME: home });
    expect(statSync(home).mode & 0o777).toBe(0o700);
    expect(statSync(join(home, "passphrase")).mode & 0o777).toBe(0o600);
    expect(first.backendUrl).toBe(`file://${join(home, "pulumi")}`);
    expect(openHome({ ECHORATOR_HOME: home }).passphrase).toBe(first.passphrase);
  });

  test("yields to what the user has exported", () => {
    const variables = {
      ECHORATOR_HOME: home,
      PULUMI_CONFIG_PASSPHRASE: "mine",
      PULUMI_BACKEND_URL: "file:///s",
    };
    const { passphrase, backendUrl, passphraseVariables } = openHome(variables);
    expect({ passphrase, backendUrl }).toEqual({ passphrase: "mine", backendUrl: "file:///s" });
    expect(passphraseVariables).toEqual({ PULUMI_CONFIG_PASSPHRASE: "mine" });
    expect(existsSync(join(home, "passphrase"))).toBe(false);
  });

  test("a purge takes weights, memory and the list of models, and nothing else", () => {
    openHome({ ECHORATOR_HOME: home });
    for (const name of ["weights", "memory", "models.json", "logs"])
      writeFileSync(join(home, name), "");
    expect(purge(home)).toEqual(["weights", "memory", "models.json"].map(name => join(home, name)));
    expect(existsSync(join(home, "logs"))).toBe(true);
    expect(existsSync(join(home, "passphrase"))).toBe(true);
  });
});
