/** The README word for word: every command of it, in order, in a fresh copy and an empty home folder. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { copyProject, type ProjectCopy, projectRoot } from "../support/copy.ts";
import { freePorts } from "../support/ports.ts";
import { holds, readSteps, splitOutput, toScript } from "../support/readme-script.ts";

const steps = readSteps(readFileSync(join(projectRoot, "README.md"), "utf8"));

let copy: ProjectCopy;
let home: string;
let ports: number[];

beforeAll(async () => {
  copy = copyProject();
  home = mkdtempSync(join(tmpdir(), "echorator-reader-"));
  ports = await freePorts(2);
  // The one thing that differs from a reader's machine: other tests and services may hold the usual ports.
  mkdirSync(join(home, ".echorator"), { mode: 0o700 });
  const override = `config:\n  echorator:ports:\n    main: ${ports[0]}\n    ollama: ${ports[1]}\n`;
  writeFileSync(join(home, ".echorator", "Pulumi.local.yaml"), override);
});

afterAll(async () => {
  await run("npm run down -- --purge");
  copy[Symbol.dispose]();
  rmSync(home, { recursive: true, force: true });
});

test("continuous integration installs and tests as the README says", () => {
  const script = readFileSync(join(projectRoot, ".ci/run"), "utf8");
  for (const command of ["npm ci", "npm test"]) expect(script).toContain(`\n${command}\n`);
});

test("every command of the README does what it says", async () => {
  const { output, code } = await run(toScript(steps, adapt));
  const printed = splitOutput(output);
  expect(code, output).toBe(0);
  for (const [index, step] of steps.entries()) {
    if (step.expected === undefined) continue;
    const wanted = adapt(step.expected);
    const found = printed[index] ?? "";
    expect(holds(found, wanted), `README line ${step.line}: ${wanted}\nprinted: ${found}`).toBe(
      true,
    );
  }
}, 240_000);

/** The ports of this run; `npm ci` has been done by whoever runs the tests. */
function adapt(text: string): string {
  return text
    .replaceAll("localhost:5000", `localhost:${ports[0]}`)
    .replaceAll("localhost:11434", `localhost:${ports[1]}`)
    .replace("npm ci && ", "");
}

function run(script: string): Promise<{ output: string; code: number | null }> {
  const { ECHORATOR_HOME: _, ...environment } = process.env;
  const child = spawn("bash", ["-c", script], {
    cwd: copy.path,
    env: { ...environment, HOME: home },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", text => {
      output += text;
    });
  return new Promise(resolve => child.on("close", code => resolve({ output, code })));
}
