/** engine/main.ts as a process: starting, refusing to, and ending. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { paths } from "../../engine/contract/endpoints.ts";
import { supervision } from "../../engine/contract/supervision.ts";
import { freePorts } from "../support/ports.ts";

const entry = fileURLToPath(new URL("../../engine/main.ts", import.meta.url));

interface Running {
  child: ChildProcess;
  home: string;
  main: number;
  ollama: number;
  output(): string;
  exited: Promise<number | null>;
}

const folders: string[] = [];
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "echorator-main-"));
  folders.push(folder);
  return folder;
}

async function run(options: {
  args?: string[];
  environment?: Record<string, string>;
  ports?: [number, number];
  home?: string;
}): Promise<Running> {
  const [main = 0, ollama = 0] = options.ports ?? (await freePorts(2));
  const home = options.home ?? join(makeFolder(), "home");
  const sets = ["--set", `ports.main=${main}`, "--set", `ports.ollama=${ollama}`];
  const child = spawn(process.execPath, [entry, "--home", home, ...sets, ...(options.args ?? [])], {
    env: { PATH: process.env.PATH, ...options.environment },
    stdio: ["pipe", "pipe", "pipe"],
  });
  children.push(child);
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      text += chunk;
    });
  const exited = new Promise<number | null>(resolve => child.once("close", resolve));
  return { child, home, main, ollama, output: () => text, exited };
}

async function untilStarted({ main, exited, output }: Running): Promise<Response> {
  let isOver = false;
  void exited.then(() => {
    isOver = true;
  });
  while (!isOver) {
    const response = await fetch(`http://127.0.0.1:${main}${paths.started}`).catch(() => undefined);
    if (response?.ok) return response;
  }
  throw new Error(`the engine ended: ${output()}`);
}

test("starts, says who it is, keeps its key to itself, and ends with 0", async () => {
  const engine = await run({ args: ["--instance", "test-7"] });
  const health = await (await untilStarted(engine)).json();
  expect(health).toMatchObject({ status: "ok", instance: "test-7", pid: engine.child.pid });
  const key = join(engine.home, "admin.key");
  expect(statSync(key).mode & 0o777).toBe(0o600);
  expect(readFileSync(key, "utf8")).toMatch(/^[\w-]{43}$/);
  const admin = await fetch(`http://127.0.0.1:${engine.main}${paths.adminConfig}`, {
    headers: { authorization: `Bearer ${readFileSync(key, "utf8")}` },
  });
  expect(admin.status).toBe(200);
  expect(await (await fetch(`http://127.0.0.1:${engine.ollama}/`)).text()).toBe(
    "Ollama is running",
  );
  engine.child.kill("SIGTERM");
  expect(await engine.exited).toBe(0);
  const lines = engine.output().trim().split("\n");
  expect(lines.map(line => JSON.parse(line).message).at(-1)).toBe("the engine has stopped");
});

test("the layers of the configuration reach it", async () => {
  const folder = makeFolder();
  const file = join(folder, "engine.yaml");
  writeFileSync(file, "log: {level: error}\ninference: {queueLength: 5, requestSeconds: 7}\n");
  const engine = await run({
    args: ["--config", file, "--set", "log.level=warn"],
    environment: { ECHORATOR_LOG__LEVEL: "debug", ECHORATOR_INFERENCE__QUEUE_LENGTH: "6" },
  });
  await untilStarted(engine);
  const key = readFileSync(join(engine.home, "admin.key"), "utf8");
  const reply = await fetch(`http://127.0.0.1:${engine.main}${paths.adminConfig}`, {
    headers: { authorization: `Bearer ${key}` },
  });
  expect(await reply.json()).toMatchObject({
    log: { level: "warn" },
    inference: { queueLength: 6, requestSeconds: 7 },
  });
});

test("a taken port is named with its holder and its setting, and nothing is written", async () => {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const taken = typeof address === "object" && address !== null ? address.port : 0;
  const [free = 0] = await freePorts(1);
  try {
    const engine = await run({ ports: [free, taken] });
    expect(await engine.exited).toBe(1);
    expect(engine.output()).toContain(`Port ${taken} is taken by `);
    expect(engine.output()).toContain("ports.ollama");
    if (process.platform === "linux") expect(engine.output()).toContain(`process ${process.pid}`);
    expect(existsSync(engine.home)).toBe(false);
  } finally {
    server.close();
  }
});

test.each([
  [["--set", "log.level=loud"], {}, /log\.level/],
  [["--set", "host=0.0.0.0"], {}, /add `keys`, or write `auth: none`/],
  [["--config", "/no/such/file.yaml"], {}, /cannot be read/],
  [[], { ECHORATOR_LOG__LEVLE: "debug" }, /ECHORATOR_LOG__LEVLE.*There are .*ECHORATOR_LOG__LEVEL/],
  [["--port", "1"], {}, /--port[\s\S]*Usage: /],
])("%j %j ends at once with one sentence", async (args, environment, message) => {
  const engine = await run({ args, environment });
  expect(await engine.exited).toBe(supervision.exitHopeless);
  expect(engine.output()).toMatch(message);
  expect(engine.output()).not.toMatch(/\n {4}at /);
  expect(existsSync(engine.home)).toBe(false);
});

test("a second engine on the same home is refused", async () => {
  const first = await run({});
  await untilStarted(first);
  const second = await run({ home: first.home });
  expect(await second.exited).not.toBe(0);
  expect(second.output()).toMatch(/in use|another|locked/i);
  expect(second.output()).not.toMatch(/\n {4}at /);
});

test("supervised, it ends with its supervisor's pipe", async () => {
  const engine = await run({ args: [supervision.supervisedFlag] });
  await untilStarted(engine);
  engine.child.stdin?.end();
  expect(await engine.exited).toBe(0);
});
