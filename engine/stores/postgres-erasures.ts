/** After a deletion PostgreSQL keeps the dead rows until a VACUUM: this runs it in the background. */
import type { Log } from "../telemetry/telemetry.ts";
import type { Database } from "./postgres-database.ts";

export interface Erasures {
  /** Something was erased; several erasures that come together share one VACUUM. */
  clean(): void;
  /** After what runs. */
  close(): Promise<void>;
}

/** Tables that hold text, terms or ids of a conversation or subject. */
const tables = ["events", "terms", "postings", "conversations", "scopes"];

export function createErasures({ database, log }: { database: Database; log: Log }): Erasures {
  let running: Promise<void> | undefined;
  let isWanted = false;
  let isClosed = false;

  async function work(): Promise<void> {
    while (isWanted && !isClosed) {
      isWanted = false;
      try {
        await vacuum();
      } catch {
        // The rows in `erasures` stay: the next deletion or start tries again, and autovacuum goes its own way.
        log.warn("dead rows of deleted conversations could not be vacuumed yet");
      }
    }
    running = undefined;
  }

  async function vacuum(): Promise<void> {
    await database.maintain(async session => {
      const [last] = await session.query("SELECT max(key) AS key FROM echorator.erasures");
      if (last?.key === null || last === undefined) return;
      await session.query(`VACUUM ${tables.map(name => `echorator.${name}`).join(", ")}`);
      await session.query("DELETE FROM echorator.erasures WHERE key <= $1", [last.key]);
    });
  }

  return {
    clean: () => {
      isWanted = true;
      running ??= work();
    },
    close: async () => {
      isClosed = true;
      await running;
    },
  };
}
