/** A log file that never grows beyond its bound: full, it is renamed and a new one begun, the oldest is dropped. */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";
import { isDiskError } from "./atomic-file.ts";
import { isLogFull, planRotation } from "./supervisor-plan.ts";

export interface RotatingLog {
  write(chunk: Uint8Array): void;
  close(): void;
}

/** Writes at once and in order; a full disk loses lines, never the process that writes them. */
export function createRotatingLog(file: string): RotatingLog {
  /** Undefined while no file can be made. */
  let descriptor: number | undefined = open(file);
  let closed = false;
  return {
    write: chunk => {
      if (closed) return;
      try {
        descriptor ??= open(file);
        if (isLogFull(fstatSync(descriptor).size, chunk.byteLength)) {
          closeSync(descriptor);
          descriptor = undefined;
          rotate(file);
          descriptor = open(file);
        }
        writeSync(descriptor, chunk);
      } catch (error) {
        if (!isDiskError(error)) throw error;
      }
    },
    close: () => {
      if (!closed && descriptor !== undefined) closeSync(descriptor);
      closed = true;
    },
  };
}

function open(file: string): number {
  return openSync(file, "a", 0o600);
}

function rotate(file: string): void {
  for (const { from, to } of planRotation(file)) {
    try {
      renameSync(from, to);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
  }
}
