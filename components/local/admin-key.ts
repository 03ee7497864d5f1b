/** The home's admin key: whoever starts first makes it, everyone else reads it. */
import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { homeLayout } from "../../engine/contract/endpoints.ts";

export function ensureAdminKey(home: string): string {
  const existing = readAdminKey(home);
  if (existing !== undefined) return existing;
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const path = join(home, homeLayout.adminKey);
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, randomBytes(32).toString("base64url"), { mode: 0o600, flush: true });
  try {
    // A link appears whole, and not at all where another was faster.
    linkSync(temporary, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  const key = readAdminKey(home);
  if (key === undefined) throw new Error(`${path} is empty: remove it and run the command again.`);
  return key;
}

export function readAdminKey(home: string): string | undefined {
  try {
    return readFileSync(join(home, homeLayout.adminKey), "utf8").trim() || undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
