/** Brings the database to this engine's version, once, however many gateways start together. */
import { readdirSync, readFileSync } from "node:fs";
import { EngineError } from "../contract/errors.ts";
import { memoryRole, type Session } from "./postgres-database.ts";

interface Migration {
  version: number;
  sql: string;
  /** Engines from before it go on working: they may meet it while gateways are replaced one by one. */
  isAdditive: boolean;
}

/** Every table that holds anything of anyone. */
const scopedTables = ["tenants", "scopes", "conversations", "events", "terms", "postings"];

/** Of all engines on this database; any number that no other program takes. */
const lockKey = "4969676515820101487";

/** @throws EngineError memory_failed */
export async function migrate(session: Session): Promise<void> {
  const migrations = readMigrations();
  if (!(await isCurrent(session, migrations))) {
    await session.query("BEGIN");
    try {
      // Held until the commit; who comes second finds the work done.
      await session.query(`SELECT pg_advisory_xact_lock(${lockKey})`);
      await session.query("SELECT set_config('synchronous_commit', 'on', true)");
      await applyMissing(session, migrations);
      await grantToMemoryRole(session);
      await session.query("COMMIT");
    } catch (error) {
      await session.query("ROLLBACK").catch(() => undefined);
      throw error;
    }
  }
  await refuseOpenTables(session);
}

function readMigrations(): Migration[] {
  const folder = new URL("migrations/postgres/", import.meta.url);
  return readdirSync(folder)
    .filter(name => name.endsWith(".sql"))
    .sort()
    .map(name => {
      const sql = readFileSync(new URL(name, folder), "utf8");
      return { version: Number.parseInt(name, 10), sql, isAdditive: sql.startsWith("-- additive") };
    });
}

async function isCurrent(session: Session, migrations: Migration[]): Promise<boolean> {
  const [found] = await session.query(
    "SELECT to_regclass('echorator.migrations') IS NOT NULL AS exists",
  );
  if (found?.exists !== true) return false;
  const applied = await readApplied(session, migrations);
  return applied.size >= migrations.length && (await canWork(session));
}

/** What was applied of these. @throws EngineError memory_failed when a newer engine changed what this one relies on */
async function readApplied(session: Session, migrations: Migration[]): Promise<Set<number>> {
  const rows = await session.query("SELECT version, additive FROM echorator.migrations");
  const known = new Set(migrations.map(migration => migration.version));
  const newer = rows.filter(row => !known.has(Number(row.version)));
  if (newer.some(row => row.additive !== true))
    throw new EngineError("memory_failed", "The memory's database is of a newer Echorator.", {
      remedy: "Run that version, or restore a backup from before the upgrade.",
    });
  return new Set(rows.map(row => Number(row.version)).filter(version => known.has(version)));
}

async function applyMissing(session: Session, migrations: Migration[]): Promise<void> {
  await session.query("CREATE SCHEMA IF NOT EXISTS echorator");
  await session.query(
    "CREATE TABLE IF NOT EXISTS echorator.migrations (version integer PRIMARY KEY, " +
      "additive boolean NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
  );
  const applied = await readApplied(session, migrations);
  for (const { version, sql, isAdditive } of migrations) {
    if (applied.has(version)) continue;
    await session.query(sql);
    await session.query("INSERT INTO echorator.migrations (version, additive) VALUES ($1, $2)", [
      version,
      isAdditive,
    ]);
  }
}

const bypasses =
  "SELECT rolsuper OR rolbypassrls AS bypasses FROM pg_roles WHERE rolname = current_user";

/** Whether the role that does the work has the rights for it. */
async function canWork(session: Session): Promise<boolean> {
  const [user] = await session.query(bypasses);
  if (user?.bypasses === false) return true;
  const [role] = await session.query(
    "SELECT coalesce(bool_and(has_table_privilege(pg_roles.oid, pg_class.oid, 'INSERT')), false) AS may " +
      "FROM pg_roles, pg_class WHERE rolname = $1 AND relnamespace = 'echorator'::regnamespace AND relkind = 'r' " +
      "AND relname <> 'migrations'",
    [memoryRole],
  );
  return role?.may === true;
}

/** For a user that policies do not hold: a role without a login that they do. */
async function grantToMemoryRole(session: Session): Promise<void> {
  const [user] = await session.query(bypasses);
  if (user?.bypasses === false) return;
  // Roles belong to all databases of the server: another one's engine may make it at this moment.
  await session.query(
    `DO $$ BEGIN CREATE ROLE ${memoryRole} NOLOGIN; ` +
      "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
  );
  const rows = await session.query(
    "SELECT rolsuper OR rolbypassrls AS bypasses FROM pg_roles WHERE rolname = $1",
    [memoryRole],
  );
  if (rows[0]?.bypasses !== false)
    throw new EngineError("memory_failed", `The role ${memoryRole} bypasses row-level security.`, {
      remedy: `ALTER ROLE ${memoryRole} NOSUPERUSER NOBYPASSRLS`,
    });
  await session.query(`GRANT ${memoryRole} TO current_user`);
  await session.query(`GRANT USAGE ON SCHEMA echorator TO ${memoryRole}`);
  await session.query(
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA echorator TO ${memoryRole}`,
  );
  await session.query(`REVOKE ALL ON echorator.migrations FROM ${memoryRole}`);
}

/** Isolation is not hoped for: a table without its policy is not worked with. */
async function refuseOpenTables(session: Session): Promise<void> {
  const rows = await session.query(
    "SELECT relname FROM pg_class WHERE relnamespace = 'echorator'::regnamespace AND relname = ANY($1) " +
      "AND relrowsecurity AND relforcerowsecurity AND (SELECT count(*) FROM pg_policy WHERE polrelid = pg_class.oid) = 1",
    [scopedTables],
  );
  const held = rows.map(row => String(row.relname));
  const open = scopedTables.filter(name => !held.includes(name));
  if (open.length === 0) return;
  throw new EngineError(
    "memory_failed",
    `Row-level security has been changed on echorator.${open.join(", echorator.")}.`,
    { remedy: "Enable and force it again with the one policy of the migrations, then restart." },
  );
}
