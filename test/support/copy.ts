/** A copy of the project as a clone would hold it, with the installed packages linked in. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface ProjectCopy extends Disposable {
  path: string;
}

/** The files that git knows or would add, so that uncommitted work is tested as well. */
export function copyProject(): ProjectCopy {
  const path = mkdtempSync(join(tmpdir(), "echorator-copy-"));
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: root });
  for (const file of String(listed).split("\n").filter(Boolean))
    cpSync(join(root, file), join(path, file), { recursive: true, mode: 0 });
  symlinkSync(join(root, "node_modules"), join(path, "node_modules"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** The folder of the project itself. */
export const projectRoot = dirname(join(root, "package.json"));
