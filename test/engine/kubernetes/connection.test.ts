/** Kubeconfigs, pods' own credentials and credential plugins. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  connectionFromKubeconfig,
  connectionInCluster,
} from "../../../engine/kubernetes/connection.ts";

const folder = mkdtempSync(join(tmpdir(), "echorator-kubeconfig-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const base64 = (text: string) => Buffer.from(text).toString("base64");

function config(user: object, cluster: object = {}): string {
  return JSON.stringify({
    "current-context": "one",
    contexts: [
      { name: "one", context: { cluster: "c", user: "u", namespace: "n" } },
      { name: "lost", context: { cluster: "none", user: "u" } },
    ],
    clusters: [{ name: "c", cluster: { server: "https://host:6443/", ...cluster } }],
    users: [{ name: "u", user }],
  });
}

const open = (text: string, more: { context?: string; allowInsecure?: boolean } = {}) =>
  connectionFromKubeconfig({ text, environment: { PATH: "/usr/bin:/bin" }, folder, ...more });

test("reads server, namespace, authority and a token", async () => {
  const text = config({ token: "t" }, { "certificate-authority-data": base64("CA") });
  const connection = open(text);
  expect(connection).toMatchObject({
    server: "https://host:6443",
    defaultNamespace: "n",
    authorities: "CA",
    insecure: false,
  });
  expect(await connection.credentials(false)).toEqual({ authorization: "Bearer t" });
});

test("reads client certificates from data and from files beside the kubeconfig", async () => {
  writeFileSync(join(folder, "client.key"), "KEY");
  const user = { "client-certificate-data": base64("CERT"), "client-key": "client.key" };
  expect(await open(config(user)).credentials(false)).toEqual({ certificate: "CERT", key: "KEY" });
});

test("reads a token's file again each time", async () => {
  const path = join(folder, "token");
  writeFileSync(path, "first\n");
  const connection = open(config({ tokenFile: "token" }));
  expect(await connection.credentials(false)).toEqual({ authorization: "Bearer first" });
  writeFileSync(path, "second\n");
  expect(await connection.credentials(false)).toEqual({ authorization: "Bearer second" });
});

test("asks a plugin once, again when it is refused, and again when its credentials end", async () => {
  const plugin = (seconds: number, name: string) => {
    const path = join(folder, name);
    const ends = new Date(Date.now() + seconds * 1_000).toISOString();
    const credential = `{"status":{"token":"'$n'","expirationTimestamp":"${ends}"}}`;
    const count = join(folder, `${name}.count`);
    const script = `#!/bin/sh\necho x >> ${count}\nn=$GREETING$(wc -l < ${count} | tr -d ' ')\nprintf '%s' '${credential}'\n`;
    writeFileSync(path, script);
    chmodSync(path, 0o755);
    return {
      command: `./${name}`,
      env: [{ name: "GREETING", value: "t" }],
      apiVersion: "client.authentication.k8s.io/v1",
    };
  };
  const lasting = open(config({ exec: plugin(3_600, "lasting") }));
  expect(await lasting.credentials(false)).toEqual({ authorization: "Bearer t1" });
  expect(await lasting.credentials(false)).toEqual({ authorization: "Bearer t1" });
  expect(await lasting.credentials(true)).toEqual({ authorization: "Bearer t2" });
  const ended = open(config({ exec: plugin(5, "ended") }));
  await ended.credentials(false);
  expect(await ended.credentials(false)).toEqual({ authorization: "Bearer t2" });
  expect(readFileSync(join(folder, "ended.count"), "utf8")).toBe("x\nx\n");
});

test("a plugin that fails says how to get it", async () => {
  const exec = { command: "no-such-plugin", apiVersion: "v1", installHint: "Install it." };
  await expect(open(config({ exec })).credentials(false)).rejects.toMatchObject({
    code: "kubernetes_unreachable",
    remedy: "Install it.",
  });
});

test.each([
  ["no YAML", "{", {}, "is no YAML"],
  ["nothing", "", {}, "is empty"],
  ["no such context", config({}), { context: "two" }, 'no context "two"'],
  ["a context without a cluster", config({}), { context: "lost" }, "no cluster with a server"],
  [
    "a server that nobody vouches for",
    config({}, { "insecure-skip-tls-verify": true }),
    {},
    "without a certificate",
  ],
  ["a key that is not there", config({ "client-key": "none.key" }), {}, "none.key"],
  ["a way of old", config({ "auth-provider": { name: "gcp" } }), {}, "auth-provider"],
])("refuses %s", (_, text, more, message) => {
  expect(() => open(text, more)).toThrow(message);
});

test("believes a server without a certificate only where that is asked for", () => {
  const text = config({}, { "insecure-skip-tls-verify": true });
  expect(open(text, { allowInsecure: true }).insecure).toBe(true);
});

test("in a pod: the account's token, read again each time; elsewhere nothing", async () => {
  expect(connectionInCluster({ folder: join(folder, "none") })).toBeUndefined();
  for (const [name, text] of [
    ["token", "one"],
    ["ca.crt", "CA"],
    ["namespace", "ns"],
  ] as const)
    writeFileSync(join(folder, name), text);
  const environment = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "6443" };
  const connection = connectionInCluster({ folder, environment });
  expect(connection).toMatchObject({
    server: "https://[fd00::1]:6443",
    defaultNamespace: "ns",
    authorities: "CA",
  });
  expect(await connection?.credentials(false)).toEqual({ authorization: "Bearer one" });
  writeFileSync(join(folder, "token"), "two");
  expect(await connection?.credentials(false)).toEqual({ authorization: "Bearer two" });
});
