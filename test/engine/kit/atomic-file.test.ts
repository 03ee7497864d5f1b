/** Atomic files: the new text or the old one, never half of it, and no drafts left. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeFileAtomically } from "../../../engine/kit/atomic-file.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "echorator-atomic-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("the text takes the old one's place", async () => {
  const path = join(folder, "x.json");
  writeFileSync(path, "old");
  await writeFileAtomically(path, "new", { mode: 0o600 });
  expect(readFileSync(path, "utf8")).toBe("new");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(["x.json"]);
});

test("what cannot be written leaves no draft", async () => {
  const path = join(folder, "taken");
  await writeFileAtomically(join(folder, "other"), "text");
  await expect(writeFileAtomically(join(path, "x"), "text")).rejects.toThrow("ENOENT");
  expect(readdirSync(folder)).toEqual(["other"]);
});
