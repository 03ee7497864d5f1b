/** What SQLite's result codes mean to whoever runs the engine. */
import { basename } from "node:path";
import { EngineError } from "../contract/errors.ts";

const codes = {
  busy: 5,
  locked: 6,
  readonly: 8,
  io: 10,
  corrupt: 11,
  full: 13,
  open: 14,
  notDatabase: 26,
};

/** The error for `path`; whatever is not SQLite's is given back as it is. */
export function toStoreError(error: unknown, path: string): unknown {
  const name = basename(path);
  const details = { cause: error };
  switch (toResultCode(error)) {
    case codes.full:
      return new EngineError("disk_full", `There is no space left for ${name}.`, details);
    case codes.corrupt:
    case codes.notDatabase:
      return corruptFile(name, error);
    case codes.busy:
    case codes.locked:
      return new EngineError("memory_failed", `${name} is locked by another program.`, {
        ...details,
        remedy: "End the program that has the file open.",
      });
    case codes.readonly:
    case codes.open:
      return new EngineError("memory_failed", `${name} cannot be opened for writing.`, {
        ...details,
        remedy: "Make the memory folder and its files writable for the engine's user.",
      });
    case codes.io:
      return new EngineError("memory_failed", `The disk under ${name} fails to read or write.`, {
        ...details,
        remedy: "Look at the disk and its free space, then restart the engine.",
      });
    default:
      return error;
  }
}

/** The error of a file whose pages make no sense; nothing of it is overwritten. */
export function corruptFile(name: string, cause?: unknown): EngineError {
  return new EngineError("memory_failed", `${name} is damaged or no memory of this engine.`, {
    cause,
    remedy: "Restore the file from a backup, or move it away to begin with an empty memory.",
  });
}

/** SQLite's primary result code; undefined for errors of others. */
function toResultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}
