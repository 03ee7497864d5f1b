/** The README's table of configuration is the schema's, to the letter. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { renderConfigurationTable } from "./support/configuration-table.ts";

const path = new URL("../README.md", import.meta.url);
const [opening, closing] = ["<!-- configuration -->\n", "\n<!-- /configuration -->"];

test("the table of configuration is what the schema says (UPDATE_README=1 writes it)", () => {
  const readme = readFileSync(path, "utf8");
  const start = readme.indexOf(opening) + opening.length;
  const end = readme.indexOf(closing, start - 1);
  const wanted = renderConfigurationTable();
  if (process.env.UPDATE_README === "1")
    writeFileSync(
      path,
      `${readme.slice(0, start)}${wanted}${readme.slice(Math.max(start - 1, end))}`,
    );
  else expect(readme.slice(start, end)).toBe(wanted);
});
