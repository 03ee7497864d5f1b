/** The provider as a deployment engine meets it: an executable that prints a port and speaks gRPC, and that ends with its parent. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { credentials } from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import messages from "@pulumi/pulumi/proto/provider_pb.js";
import structs from "google-protobuf/google/protobuf/struct_pb.js";
import { afterEach, expect, test } from "vitest";
import { identify, isAlive, waitForEnd } from "../../components/local/process-identity.ts";

const executable = fileURLToPath(
  new URL("../../components/local/pulumi-resource-echo", import.meta.url),
);
const urn = "urn:pulumi:local::echorator::echo:local:Process::p";
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function start(command: string, parameters: string[]) {
  // The executable asks for `node` on the PATH, as npm's scripts provide it.
  const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`;
  const child = spawn(command, parameters, {
    env: { ...process.env, PATH: path },
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.push(child);
  return child;
}

async function firstLines(child: ChildProcess, count: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout! }))
    if (lines.push(line) === count) break;
  return lines;
}

function check(client: ResourceProviderClient, news: Record<string, unknown>) {
  const request = new messages.CheckRequest();
  request.setUrn(urn);
  request.setOlds(structs.Struct.fromJavaScript({}));
  request.setNews(
    structs.Struct.fromJavaScript(news as { [key: string]: structs.JavaScriptValue }),
  );
  return new Promise<string[]>((resolve, reject) => {
    client.check(request, (error, reply) => {
      if (error) return reject(error);
      resolve(reply.getFailuresList().map(one => `${one.getProperty()}: ${one.getReason()}`));
    });
  });
}

test("wrong inputs are refused by name, over the wire", async () => {
  const [port] = await firstLines(start(executable, ["127.0.0.1:1"]), 1);
  const client = new ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure());
  const inputs = { home: join(tmpdir(), "never"), host: "127.0.0.1", engineVersion: "1" };
  expect(await check(client, { ...inputs, ports: { main: 1, ollama: 1 }, config: {} })).toEqual([
    "ports: main and ollama need two different ports",
  ]);
  expect(await check(client, { ...inputs, home: "here" })).toEqual([
    "home: it must be an absolute path",
  ]);
  client.close();
});

test("the plugin ends soon after its parent was killed", async () => {
  const parent = start("sh", ["-c", `"${executable}" 127.0.0.1:1 & echo $!; wait`]);
  const [pid] = await firstLines(parent, 2);
  const plugin = identify(Number(pid))!;
  expect(isAlive(plugin)).toBe(true);
  parent.kill("SIGKILL");
  await once(parent, "exit");
  expect(await waitForEnd(plugin, 10_000)).toBe(true);
});
