/** The table of exit codes in kollama's README is that of the code, to the letter. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { exits } from "../../../engine/cli/exits.ts";
import { verbs } from "../../../engine/cli/verbs.ts";

const path = new URL("../../../engine/cli/README.md", import.meta.url);
const between = /(<!-- exits -->\n)([\s\S]*?)(<!-- \/exits -->)/;

test("the exit codes are those of exits.ts (UPDATE_README=1 writes them)", () => {
  const readme = readFileSync(path, "utf8");
  const rows = Object.values(exits).map(({ code, meaning }) => `| ${code} | ${meaning} |\n`);
  const wanted = `| code | meaning |\n|---|---|\n${rows.join("")}`;
  if (process.env.UPDATE_README === "1")
    writeFileSync(path, readme.replace(between, `$1${wanted}$3`));
  else expect(between.exec(readme)?.[2]).toBe(wanted);
});

test("every verb has a file of its name", () => {
  for (const { name } of verbs) {
    const file = new URL(`../../../engine/cli/verbs/${name}.ts`, import.meta.url);
    expect(readFileSync(file, "utf8")).toContain(`/** kollama ${name}`);
  }
});
