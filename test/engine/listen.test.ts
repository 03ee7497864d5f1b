/** Both ports or none, and no more connections than a port may have. */
import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { listen } from "../../engine/listen.ts";
import { freePorts } from "../support/ports.ts";

const host = "127.0.0.1";

test("a connection beyond the limit is closed at once, the others are served on", async () => {
  const listeners = await listen({ host, ports: { main: 0, ollama: 0 }, connectionsMax: 1 });
  const { main: port } = listeners.ports;
  const answer = async () => new Response("ok");
  listeners.open({ main: answer, ollama: answer });
  const first = connect(port, host);
  await once(first, "connect");
  const second = connect(port, host);
  await once(second, "close");
  first.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const [reply] = await once(first, "data");
  expect(String(reply)).toMatch(/^HTTP\/1\.1 200/);
  first.destroy();
  await listeners.close();
});

test("a port that is taken is named with its setting, and the other one is free again", async () => {
  const taken = await listen({ host, ports: { main: 0, ollama: 0 } });
  const [main = 0] = await freePorts(1);
  const refused = listen({ host, ports: { main, ollama: taken.ports.main } });
  await expect(refused).rejects.toMatchObject({ code: "conflict", field: "ports.ollama" });
  const again = await listen({ host, ports: { main, ollama: 0 } });
  await Promise.all([taken.close(), again.close()]);
});
