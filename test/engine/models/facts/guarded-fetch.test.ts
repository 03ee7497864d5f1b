/** A guarded request connects to the address that was checked, and to no other. */
import type { LookupAddress } from "node:dns";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createGuardedFetch } from "../../../../engine/models/facts/guarded-fetch.ts";
import { isPublicAddress } from "../../../../engine/models/facts/public-address.ts";
import { createModelServer, type ModelServer } from "../../../support/model-server.ts";

let server: ModelServer;
beforeEach(async () => {
  server = await createModelServer({ files: { a: Buffer.from("some bytes") } });
});
afterEach(() => server.close());

const loopback: LookupAddress = { address: "127.0.0.1", family: 4 };
const urlOf = (host: string) => `http://${host}:${new URL(server.url).port}/a`;

test("a name is looked up once a request, and the connection goes to what was found", async () => {
  const asked: string[] = [];
  const call = createGuardedFetch({
    isAdmitted: address => address === "127.0.0.1",
    lookUp: async name => {
      asked.push(name);
      return [loopback];
    },
  });
  const response = await call(urlOf("weights.example"), { headers: { range: "bytes=5-6" } });
  expect([response.status, await response.text()]).toEqual([206, "by"]);
  expect(asked).toEqual(["weights.example"]);
  expect(server.requests[0]?.host).toMatch(/^weights\.example:/);
});

test("a name that changes its address after the check reaches nothing else", async () => {
  const answers = [[{ address: "93.184.215.14", family: 4 }], [loopback]];
  let looked = 0;
  const lookUp = async () => answers[Math.min(looked++, 1)] ?? [];
  const call = createGuardedFetch({ isAdmitted: isPublicAddress, lookUp });
  const ended = AbortSignal.timeout(200);
  await expect(call(urlOf("rebinding.example"), { signal: ended })).rejects.toThrow();
  await expect(call(urlOf("rebinding.example"))).rejects.toMatchObject({ code: "forbidden" });
  expect(server.requests).toEqual([]);
});

test.each<[string, LookupAddress[]]>([
  ["one of several", [{ address: "93.184.215.14", family: 4 }, loopback]],
  ["a mapped one", [{ address: "::ffff:127.0.0.1", family: 6 }]],
  ["none", []],
])("a name with a closed address is refused: %s", async (_, found) => {
  const call = createGuardedFetch({ isAdmitted: isPublicAddress, lookUp: async () => found });
  await expect(call(urlOf("inside.example"))).rejects.toMatchObject({ code: "forbidden" });
  expect(server.requests).toEqual([]);
});

test.each(["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]", "[::1]"])(
  "%s is refused before a connection is made",
  async host => {
    const call = createGuardedFetch({ isAdmitted: isPublicAddress });
    await expect(call(urlOf(host))).rejects.toMatchObject({ code: "forbidden", field: "source" });
    expect(server.requests).toEqual([]);
  },
);

test("a name without an address fails as `fetch` does", async () => {
  const lookUp = async (): Promise<LookupAddress[]> => {
    throw Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
  };
  const call = createGuardedFetch({ isAdmitted: isPublicAddress, lookUp });
  await expect(call(urlOf("nowhere.example"))).rejects.toBeInstanceOf(TypeError);
});
