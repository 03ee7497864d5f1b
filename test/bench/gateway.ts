/** Measures what a gateway adds to each token: the same streams straight to the worker and through the gateway, turn about. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { writeTinyGguf } from "../support/gguf-writer.ts";
import { freePorts } from "../support/ports.ts";
import { median } from "./measure.ts";
import { openStream, type StampedStream } from "./stamps.ts";

export interface GatewayBenchOptions {
  /** Open at the same time. */
  streams: number;
  rounds: number;
  /** Of one measurement, once all are open. */
  seconds: number;
  /** Between two tokens of a stream. */
  tokenMs: number;
  /** Folder for a CPU profile of the gateway. */
  profile: string | undefined;
  /** Further flags of its Node, such as a bound of its memory. */
  flags: readonly string[];
}

interface Started {
  name: string;
  child: ChildProcess;
  port: number;
}

interface Figures {
  /** From a token's making until it was here, sorted. */
  delays: number[];
  /** Until every stream had its first token. */
  openSeconds: number;
  drops: string[];
  /** Cores that each process used. */
  cores: Map<string, number>;
}

const opensASecond = 400;

export async function benchGateway(options: GatewayBenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "echorator-bench-"));
  const started: Started[] = [];
  try {
    const worker = await startWorker(folder, options.tokenMs);
    started.push(worker);
    const gateway = await startGateway(folder, worker.port, options);
    started.push(gateway);
    console.log(
      `${options.streams} open streams, a token every ${options.tokenMs} ms each; ` +
        `worker, gateway and load share ${cpus().length} × ${cpus()[0]?.model.trim() ?? "CPU"}, Node ${process.versions.node}`,
    );
    const direct: Figures[] = [];
    const through: Figures[] = [];
    // The first streams meet cold code.
    await measure(gateway, started, {
      ...options,
      streams: Math.min(options.streams, 200),
      seconds: 2,
    });
    for (let round = 0; round < options.rounds; round++) {
      direct.push(await measure(worker, started, options));
      through.push(await measure(gateway, started, options));
    }
    report(direct, through);
    for (const { name, child } of started) console.log(`${name}: ${residentMegabytes(child)}`);
  } finally {
    for (const { child } of started.reverse()) {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await Promise.race([exited, sleep(15_000).then(() => child.kill("SIGKILL"))]);
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(
  target: Started,
  processes: readonly Started[],
  { streams, seconds }: GatewayBenchOptions,
): Promise<Figures> {
  const delays: number[] = [];
  const drops: string[] = [];
  let isMeasuring = false;
  let begun = 0;
  const open: StampedStream[] = [];
  const openedMs = performance.now();
  for (let index = 0; index < streams; index++) {
    let isFirst = true;
    open.push(
      openStream(target.port, index, {
        token(ms) {
          if (isFirst) begun += 1;
          isFirst = false;
          if (isMeasuring) delays.push(ms);
        },
        dropped: why => void drops.push(why),
      }),
    );
    if (index % (opensASecond / 50) === 0) await sleep(20);
  }
  while (begun + drops.length < streams) await sleep(50);
  const openSeconds = (performance.now() - openedMs) / 1_000;
  const before = readCores(processes);
  isMeasuring = true;
  await sleep(seconds * 1_000);
  isMeasuring = false;
  const after = readCores(processes);
  for (const stream of open) stream.close();
  // What was cut is tidied up before the next begin.
  await sleep(1_000);
  const cores = new Map(
    [...after].map(([name, ms]) => [name, (ms - (before.get(name) ?? 0)) / 1_000 / seconds]),
  );
  return { delays: delays.sort((a, b) => a - b), openSeconds, drops, cores };
}

function report(direct: readonly Figures[], through: readonly Figures[]): void {
  console.log("          p50 ms   p99 ms   max ms   open s    tokens  dropped   cores");
  const of = (figures: readonly Figures[], share: number) =>
    median(figures.map(({ delays }) => delays[Math.floor((delays.length - 1) * share)] ?? NaN));
  for (const [name, figures] of [
    ["direct", direct],
    ["gateway", through],
  ] as const) {
    const open = median(figures.map(one => one.openSeconds)).toFixed(1);
    const tokens = median(figures.map(one => one.delays.length)).toFixed(0);
    const dropped = figures.reduce((sum, one) => sum + one.drops.length, 0);
    const cores = [...(figures[0]?.cores.keys() ?? [])]
      .map(key => `${key} ${median(figures.map(one => one.cores.get(key) ?? 0)).toFixed(2)}`)
      .join(", ");
    const times = [0.5, 0.99, 1].map(share => of(figures, share).toFixed(2).padStart(8)).join(" ");
    console.log(
      `${name.padEnd(8)} ${times} ${open.padStart(8)} ${tokens.padStart(9)} ${String(dropped).padStart(8)}   ${cores}`,
    );
    for (const why of new Set(figures.flatMap(one => one.drops))) console.log(`  dropped: ${why}`);
  }
  const added = (share: number) =>
    median(through.map((one, at) => of([one], share) - of([direct[at] ?? one], share))).toFixed(2);
  console.log(
    `added: p50 ${added(0.5)} ms, p99 ${added(0.99)} ms (medians of ${direct.length} rounds)`,
  );
}

async function startWorker(folder: string, tokenMs: number): Promise<Started> {
  const weights = join(folder, "tiny.gguf");
  writeTinyGguf(weights, { seed: 1 });
  const entry = fileURLToPath(new URL("stamping-worker.ts", import.meta.url));
  const child = spawn(process.execPath, [entry, join(folder, "worker"), weights, `${tokenMs}`], {
    env: { PATH: process.env.PATH },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { name: "worker", child, port: Number(line) };
}

async function startGateway(
  folder: string,
  workerPort: number,
  { profile, flags: given }: GatewayBenchOptions,
): Promise<Started> {
  const home = join(folder, "gateway");
  const [port = 0, ollama = 0] = await freePorts(2);
  const config = {
    ...{ role: "gateway", ports: { main: port, ollama }, log: { level: "warn" } },
    models: [{ name: "assistant", source: "bundled:echo-tiny" }],
    gateway: { workers: { assistant: [`http://127.0.0.1:${workerPort}`] } },
    inference: { requestSeconds: 3_600 },
    graceSeconds: 1,
  };
  mkdirSync(home);
  const path = join(folder, "gateway.yaml");
  writeFileSync(path, JSON.stringify(config));
  const entry = fileURLToPath(new URL("../../engine/main.ts", import.meta.url));
  const profiling = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
  const flags = [...given, ...profiling];
  const child = spawn(
    process.execPath,
    [...flags, entry, "--supervised", "--home", home, "--config", path],
    {
      env: { PATH: process.env.PATH },
      stdio: ["pipe", "inherit", "inherit"],
    },
  );
  const isReady = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/models`).catch(() => undefined);
    const status = await fetch(`http://127.0.0.1:${port}/health/serving`).catch(() => undefined);
    return answer?.ok === true && status?.ok === true;
  };
  while (!(await isReady())) {
    if (child.exitCode !== null) throw new Error("the gateway did not start");
    await sleep(100);
  }
  return { name: "gateway", child, port };
}

/** CPU time of each in milliseconds so far, this process's included; nothing where /proc is not. */
function readCores(processes: readonly Started[]): Map<string, number> {
  const own = process.cpuUsage();
  const all = new Map(processes.map(({ name, child }) => [name, cpuMs(child.pid)]));
  return all.set("load", (own.user + own.system) / 1_000);
}

/** User and system time; Linux counts in hundredths of a second. */
function cpuMs(pid: number | undefined): number {
  const text = readProc(pid, "stat");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 10;
}

function residentMegabytes({ pid }: ChildProcess): string {
  const status = readProc(pid, "status");
  const read = (key: string) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1]) / 1_024;
  return `${read("VmRSS").toFixed(0)} MB resident, ${read("VmHWM").toFixed(0)} at most`;
}

function readProc(pid: number | undefined, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
