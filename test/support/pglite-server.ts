/** PostgreSQL in this process (PGlite) behind a port, so that the real driver speaks to it as to any server. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { PGlite } from "@electric-sql/pglite";

export interface PgliteServer {
  /** As the superuser, whom no policy holds. */
  url: string;
  /** The same database without the wire. */
  database: PGlite;
  stop(): Promise<void>;
}

export async function startPglite(): Promise<PgliteServer> {
  const database = await PGlite.create();
  const queue = createTurns();
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    // Replies go in pieces, and each would wait for the last one to be heard of.
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    void serve(database, socket, queue);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `postgres://postgres:secret@127.0.0.1:${port}/postgres`,
    database,
    stop: () => stop(database, server, sockets),
  };
}

async function stop(database: PGlite, server: Server, sockets: Set<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await new Promise(resolve => server.close(resolve));
  await database.close();
}

/** The database has one session: who is in a transaction keeps it until the end. */
function createTurns() {
  let last = Promise.resolve();
  return async (): Promise<() => void> => {
    const before = last;
    const { promise, resolve } = Promise.withResolvers<void>();
    last = promise;
    await before;
    return resolve;
  };
}

async function serve(
  database: PGlite,
  socket: Socket,
  takeTurn: () => Promise<() => void>,
): Promise<void> {
  let endTurn: (() => void) | undefined;
  try {
    for await (const message of readMessages(socket)) {
      // Terminate: the one session goes on for the others.
      if (message[0] === 0x58) break;
      endTurn ??= await takeTurn();
      const reply = await database.execProtocolRaw(message);
      if (socket.writable) socket.write(reply);
      if (!isIdle(reply)) continue;
      endTurn();
      endTurn = undefined;
    }
  } catch {
    socket.destroy();
  } finally {
    if (endTurn !== undefined) await database.exec("ROLLBACK").catch(() => undefined);
    endTurn?.();
    socket.end();
  }
}

/** Ready for a query, and in no transaction. */
function isIdle(reply: Uint8Array): boolean {
  const end = Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength).subarray(-6);
  return end.length === 6 && end[0] === 0x5a && end[5] === 0x49;
}

/** Whole messages: the first has no letter before its length. */
async function* readMessages(socket: Socket): AsyncGenerator<Uint8Array> {
  let bytes = Buffer.alloc(0);
  let header = 0;
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    while (bytes.length >= header + 4) {
      const length = header + bytes.readUInt32BE(header);
      if (bytes.length < length) break;
      yield new Uint8Array(bytes.subarray(0, length));
      bytes = bytes.subarray(length);
      header = 1;
    }
  }
}
