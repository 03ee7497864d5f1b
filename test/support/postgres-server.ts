/** A real PostgreSQL on a port of its own, for one test file. */
import { type ChildProcess, execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { systemClock } from "../../engine/kit/clock.ts";
import { freePorts } from "./ports.ts";
import { endProgram, findProgram, giveToServer, startProgram } from "./server-programs.ts";

export const postgresProgram = findProgram("postgres");

/** In every URL of the test's users: no line of a log and no error may have it. */
export const postgresPassword = "hush-hush-4711";

export interface PostgresServer {
  folder: string;
  /** As the superuser. */
  url: string;
  /** A new database of a new user who is no superuser. */
  createDatabase(name: string): Promise<string>;
  /** Asks as the superuser. */
  query(url: string, text: string): Promise<Record<string, unknown>[]>;
  start(): Promise<void>;
  end(signal: "SIGKILL" | "SIGINT" | "SIGSTOP" | "SIGCONT"): Promise<void>;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<PostgresServer> {
  if (postgresProgram === undefined) throw new Error("there is no postgres");
  const folder = mkdtempSync("/tmp/postgres-");
  giveToServer(folder);
  const [port] = await freePorts(1);
  const program = postgresProgram;
  await initialise(folder);
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    for (;;) {
      const started = startProgram(
        program,
        ["-D", join(folder, "data"), "-p", String(port)],
        folder,
      );
      child = started.child;
      const said = () => started.lines.join("");
      while (child.exitCode === null && !said().includes("ready to accept connections"))
        await systemClock.sleep(10);
      if (child.exitCode === null) return;
      // Processes of a server that was killed have not all seen it yet.
      if (!/still in use|lock file/.test(said())) throw new Error(said());
      await systemClock.sleep(50);
    }
  }

  async function end(signal: Parameters<PostgresServer["end"]>[0]): Promise<void> {
    if (child === undefined) return;
    if (signal === "SIGKILL" || signal === "SIGINT") await endProgram(child, signal);
    else child.kill(signal);
  }

  const toUrl = (user: string, database: string) =>
    `postgres://${user}:${postgresPassword}@127.0.0.1:${port}/${database}`;
  await start();
  const url = toUrl("postgres", "postgres");
  return {
    folder: join(folder, "data"),
    url,
    query,
    start,
    end,
    createDatabase: async name => {
      await query(url, `CREATE ROLE ${name} LOGIN PASSWORD '${postgresPassword}'`);
      await query(url, `CREATE DATABASE ${name} OWNER ${name}`);
      return toUrl(name, name);
    },
    stop: async () => {
      await end("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function initialise(folder: string): Promise<void> {
  const initdb = findProgram("initdb");
  if (initdb === undefined) throw new Error("there is no initdb");
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, postgresPassword, { mode: 0o644 });
  const data = join(folder, "data");
  const args = ["-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"];
  const { child, lines } = startProgram(
    initdb,
    [...args, "-A", "scram-sha-256", "--pwfile", passwordFile],
    folder,
  );
  await new Promise(resolve => child.once("close", resolve));
  if (child.exitCode !== 0) throw new Error(lines.join(""));
  const settings = [
    "listen_addresses = '127.0.0.1'",
    `unix_socket_directories = '${folder}'`,
    "shared_buffers = 32MB",
    "max_connections = 60",
    // Else every file is synced at each recovery; the tests kill processes, they cut no power.
    "recovery_init_sync_method = syncfs",
    // Every statement is then seen by the test that looks for secrets in the log.
    "log_min_messages = warning",
  ];
  writeFileSync(join(data, "postgresql.auto.conf"), `${settings.join("\n")}\n`);
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const result = await client.query(text);
    return result.rows;
  } finally {
    await client.end();
  }
}

/** Processes that the server has started for its connections. */
export async function childrenOf(pid: number): Promise<number[]> {
  const run = promisify(execFile);
  const { stdout } = await run("ps", ["-o", "pid=", "--ppid", String(pid)]);
  return stdout.split("\n").filter(Boolean).map(Number);
}
