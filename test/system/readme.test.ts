/** The README word for word: every command of it, in order, in a fresh copy and an empty home folder. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { projectRoot } from "../support/copy.ts";
import { holds, readSteps, splitOutput, toScript } from "../support/readme-script.ts";
import { createWalker, type Walker } from "../support/walker.ts";

const steps = readSteps(readFileSync(join(projectRoot, "README.md"), "utf8"));

let user: Walker;

beforeAll(async () => {
  user = await createWalker();
});

afterAll(() => user[Symbol.asyncDispose]());

test("continuous integration installs and tests as the README says", () => {
  const script = readFileSync(join(projectRoot, ".ci/run"), "utf8");
  for (const command of ["npm ci", "npm test", "npm run test:cluster"])
    expect(script).toContain(`\n${command}\n`);
});

test("every command of the README does what it says", async () => {
  const { output, code } = await user.run(toScript(steps, adapt));
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
    .replaceAll("localhost:5000", `localhost:${user.ports.main}`)
    .replaceAll("localhost:11434", `localhost:${user.ports.ollama}`)
    .replace("npm ci && ", "");
}
