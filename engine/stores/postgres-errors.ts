/** What PostgreSQL's SQLSTATEs and a lost connection mean to whoever runs the engine; no password, no text of anyone. */
import { EngineError } from "../contract/errors.ts";

/** What the driver says, without a code, when a connection is gone. */
const lossSentences = [
  /^Connection terminated/,
  /^timeout expired$/,
  /^Query read timeout/,
  /^timeout exceeded when trying to connect/,
  /not queryable/,
];
const lossCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  // Told to go, by a restart or by its operator; starting up.
  "57P01",
  "57P02",
  "57P03",
  "57P05",
]);

/** Whether the server or the way to it went away: a question may be put again on another connection. */
export function isLoss(error: unknown): boolean {
  const code = toCode(error);
  if (code !== undefined) return lossCodes.has(code) || code.startsWith("08");
  return error instanceof Error && lossSentences.some(sentence => sentence.test(error.message));
}

/** Whether the server undid the transaction only because of others that ran beside it. */
export function isConflict(error: unknown): boolean {
  const code = toCode(error);
  return code === "40001" || code === "40P01";
}

const table: Record<string, { message: string; remedy?: string }> = {
  "28": {
    message: "PostgreSQL refuses the user or the password of the memory's URL.",
    remedy: "Correct the URL in the file that `stores.urlFile` names.",
  },
  "3D": {
    message: "The memory's database does not exist.",
    remedy: "Create it, or correct the URL in the file that `stores.urlFile` names.",
  },
  "25006": {
    message: "PostgreSQL takes no writes: it is read-only, or a standby.",
    remedy: "Name the primary in the memory's URL.",
  },
  "42501": {
    message: "The database user lacks a right that the memory needs.",
    remedy: "Make the user the owner of the memory's database.",
  },
  "53200": { message: "PostgreSQL has run out of memory." },
  "58": {
    message: "The disk under PostgreSQL fails to read or write.",
    remedy: "Look at PostgreSQL's log and its disk.",
  },
  XX: {
    message: "PostgreSQL finds its own files damaged.",
    remedy: "Look at PostgreSQL's log, and restore the database from a backup.",
  },
};

/** The error as its reader can act on it. What the server said stays out of it: its details quote rows. */
export function toStoreError(error: unknown): unknown {
  if (error instanceof EngineError) return error;
  if (isLoss(error)) return unreachable(toCode(error));
  const code = toCode(error);
  if (code === undefined) return error;
  if (code === "53100")
    return new EngineError("disk_full", "There is no space left for PostgreSQL.", {
      remedy: "Enlarge PostgreSQL's volume, or delete what is not needed.",
    });
  if (code === "57014" || code === "55P03" || code === "53300" || isConflict(error))
    return new EngineError("overloaded", "PostgreSQL has more to do than it can.", {
      retryAfterSeconds: 1,
    });
  const known = table[code] ?? table[code.slice(0, 2)];
  if (known === undefined)
    return new EngineError("memory_failed", `PostgreSQL refused what it was asked (${code}).`, {
      remedy: "Look at PostgreSQL's log for this code and time.",
    });
  const { message, remedy } = known;
  return new EngineError("memory_failed", message, remedy === undefined ? {} : { remedy });
}

function unreachable(code: string | undefined): EngineError {
  const how = code === undefined ? "" : ` (${code})`;
  return new EngineError("memory_failed", `The memory's PostgreSQL cannot be reached${how}.`, {
    remedy: "Look whether it runs; what was acknowledged is kept. Models answer without memory.",
    retryAfterSeconds: 5,
  });
}

/** SQLSTATE, or the system's name of an error. */
function toCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
