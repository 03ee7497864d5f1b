/** Both ports or none: listening, who holds a port that is taken, and the end of listening. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { Peer } from "./api/access.ts";
import { EngineError } from "./contract/errors.ts";
import { limits } from "./contract/limits.ts";

export type Fetch = (request: Request, peer: Peer) => Promise<Response>;

export interface Listeners {
  /** The ports as bound: not those of the configuration where that said 0. */
  ports: { main: number; ollama: number | undefined };
  /** From now on requests are answered; those that came earlier have waited. */
  open(doors: { main: Fetch; ollama: Fetch | undefined }): void;
  /** Accepts no more; resolves when the last connection is closed. */
  close(): Promise<void>;
  /** Breaks what is still connected. */
  destroy(): void;
}

interface Door {
  server: Server;
  open(fetch: Fetch): void;
}

interface Where {
  host: string;
  /** Without the second there is one port. */
  ports: { main: number; ollama?: number };
  /** Of each port; a further one is closed at once. */
  connectionsMax?: number;
}

/** @throws EngineError conflict naming the port, its likely holder and the setting; then nothing listens */
export async function listen(where: Where): Promise<Listeners> {
  const { host, ports, connectionsMax = limits.connectionsMax } = where;
  const main = createDoor(connectionsMax);
  const ollama = ports.ollama === undefined ? undefined : createDoor(connectionsMax);
  const doors = [main, ...(ollama === undefined ? [] : [ollama])];
  const bound = [];
  try {
    for (const [index, door] of doors.entries()) {
      const name = index === 0 ? "main" : "ollama";
      bound.push(await bind(door.server, host, ports[name] ?? 0, `ports.${name}`));
    }
  } catch (error) {
    for (const door of doors) door.server.close();
    throw error;
  }
  const [mainPort = ports.main, ollamaPort] = bound;
  return {
    ports: { main: mainPort, ollama: ollamaPort },
    open(fetches) {
      main.open(fetches.main);
      ollama?.open(fetches.ollama ?? fetches.main);
    },
    async close() {
      await Promise.all(doors.map(({ server }) => closeServer(server)));
    },
    destroy() {
      for (const { server } of doors) server.closeAllConnections();
    },
  };
}

function createDoor(connectionsMax: number): Door {
  const opened = Promise.withResolvers<Fetch>();
  const answer = getRequestListener(
    async (request, env) => {
      const fetch = await opened.promise;
      const address = "incoming" in env ? (env.incoming.socket.remoteAddress ?? "") : "";
      return fetch(request, { address });
    },
    { overrideGlobalObjects: false },
  );
  const server = createServer({ keepAliveTimeout: 65_000 }, (incoming, outgoing) => {
    void answer(incoming, outgoing);
  });
  server.maxConnections = connectionsMax;
  return { server, open: opened.resolve };
}

function bind(server: Server, host: string, port: number, setting: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(toListenError(error, host, port, setting)),
    );
    server.listen({ host, port }, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}

function toListenError(
  error: NodeJS.ErrnoException,
  host: string,
  port: number,
  setting: string,
): EngineError {
  const details = { field: setting, cause: error };
  const stack = `\`echorator:${setting.replace(/\..*/, "")}\` in the stack file`;
  if (error.code === "EADDRINUSE")
    return new EngineError(
      "conflict",
      `Port ${port} is taken by ${describeHolder(port) ?? guessHolder(port)}.`,
      { ...details, remedy: `End that program, or set \`${setting}\` (${stack}) to a free port.` },
    );
  if (error.code === "EACCES")
    return new EngineError("invalid_config", `Port ${port} may not be used by this user.`, {
      ...details,
      remedy: `Set \`${setting}\` (${stack}) to a port above 1023.`,
    });
  return new EngineError(
    "invalid_config",
    `It is not possible to listen on ${host}, port ${port}: ${error.message}.`,
    { ...details, field: "host", remedy: "Set `host` to an address of this machine." },
  );
}

function guessHolder(port: number): string {
  if (port === 11_434) return "another program, likely Ollama";
  if (port === 5000 && process.platform === "darwin") return "another program, likely AirPlay";
  return "another program";
}

/** The process that listens on `port`, as far as this user may see on Linux. */
function describeHolder(port: number): string | undefined {
  try {
    const inodes = new Set(
      ["/proc/net/tcp", "/proc/net/tcp6"].flatMap(path => listeningInodes(readOr(path, ""), port)),
    );
    if (inodes.size === 0) return undefined;
    const pid = readdirSync("/proc").find(name => /^\d+$/.test(name) && holdsAny(name, inodes));
    if (pid === undefined) return undefined;
    const command = readOr(`/proc/${pid}/cmdline`, "").replaceAll("\0", " ").trim().slice(0, 120);
    return `process ${pid} (${command || "unknown"})`;
  } catch {
    return undefined;
  }
}

function listeningInodes(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table
    .split("\n")
    .map(row => row.trim().split(/\s+/))
    .filter(fields => fields[1]?.endsWith(suffix) && fields[3] === "0A")
    .flatMap(fields => fields[9] ?? []);
}

function holdsAny(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some(descriptor => {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${descriptor}`)) ?? [];
      return inode !== undefined && inodes.has(inode);
    });
  } catch {
    return false;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
