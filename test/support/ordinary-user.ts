/** Lets a test see what an ordinary user would: root may read and write everything. */
import { chownSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** The user and group `nobody`. */
const nobody = 65_534;

/** Runs `what` without root's rights where the tests have them; `folder` and all in it belongs to that user from then on. */
export async function asOrdinaryUser<T>(folder: string, what: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return await what();
  const inside = readdirSync(folder, { recursive: true }).map(name => join(folder, String(name)));
  for (const path of [folder, ...inside]) chownSync(path, nobody, nobody);
  process.seteuid?.(nobody);
  try {
    return await what();
  } finally {
    process.seteuid?.(0);
  }
}
