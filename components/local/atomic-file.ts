/** Writes a file so that a reader, or a machine that stops, finds the old text or the new one; for short-lived processes, which may wait for the disk. */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

export function writeFileAtomically(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, text, { mode: 0o600, flush: true });
  renameSync(draft, path);
}

/** Whether the disk is full or fails: a reason to lose a line or a note, and none to end a process. */
export function isDiskError(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    ["ENOSPC", "EDQUOT", "EIO", "EFBIG"].includes(String(error.code))
  );
}
