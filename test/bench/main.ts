/** Measures inference: tokens/s of 1, 4 and 8 streams, time to first token, CPU outside ggml, two models at once; or another server's by URL; or a gateway. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createCores, usableCores } from "../../engine/inference/cores.ts";
import { createNeighbours } from "../../engine/inference/neighbours.ts";
import { systemClock } from "../../engine/kit/clock.ts";
import { writeTinyGguf } from "../support/gguf-writer.ts";
import { benchGateway } from "./gateway.ts";
import { type Figures, measure, median, share } from "./measure.ts";
import { createHttpTarget, openLocalTarget, type Target } from "./targets.ts";

const usage = `npm run bench [-- options]
  --file PATH    weights to measure; the bundled model when absent, random weights when there is none
  --url URL      measure another OpenAI-compatible server instead, with --model NAME and --key KEY
  --rounds N     rounds, each with every load in turn; the medians are shown (5)
  --tokens N     tokens of a reply (64)
  --gateway      measure what a gateway adds to each token of scripted workers instead:
                 --streams N open at once (2000), --seconds N of one measurement (10),
                 --token-ms N between two tokens of a stream (1000), --profile DIR for a CPU profile of it,
                 --flags="…" for further flags of its Node`;

const { values } = parseArgs({
  options: {
    file: { type: "string" },
    url: { type: "string" },
    model: { type: "string", default: "assistant" },
    key: { type: "string" },
    rounds: { type: "string", default: "5" },
    tokens: { type: "string", default: "64" },
    random: { type: "boolean", default: false },
    gateway: { type: "boolean", default: false },
    streams: { type: "string", default: "2000" },
    seconds: { type: "string", default: "10" },
    "token-ms": { type: "string", default: "1000" },
    profile: { type: "string" },
    flags: { type: "string", default: "" },
    help: { type: "boolean", default: false },
  },
});

const streamCounts = [1, 4, 8];
const rounds = Number(values.rounds);
const tokens = Number(values.tokens);

if (values.help) console.log(usage);
else if (values.gateway)
  await benchGateway({
    ...{ rounds, streams: Number(values.streams), seconds: Number(values.seconds) },
    ...{ tokenMs: Number(values["token-ms"]), profile: values.profile },
    flags: values.flags.split(" ").filter(Boolean),
  });
else if (values.url !== undefined) await benchServer(values.url);
else await benchLocal();

async function benchServer(url: string): Promise<void> {
  const target = createHttpTarget({ url, model: values.model, key: values.key });
  console.log(`${url}, model ${values.model}, ${describeMachine()}`);
  await benchStreams([target]);
}

async function benchLocal(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "echorator-bench-"));
  const file = values.file ?? (values.random ? writeRandom(folder) : findWeights(folder));
  const cores = createCores({
    usable: usableCores(),
    clock: systemClock,
    neighbours: createNeighbours(systemClock.monotonic),
  });
  const first = await openLocalTarget("first", file, cores);
  const second = await openLocalTarget("second", file, cores);
  try {
    console.log(`${file}, ${cores.usable} usable cores, ${describeMachine()}`);
    await benchStreams([first]);
    await benchTwoModels(first, second);
  } finally {
    await first.close();
    await second.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function benchStreams(targets: readonly Target[]): Promise<void> {
  await measure(targets, 1, tokens);
  const found = new Map<number, Figures[]>(streamCounts.map(count => [count, []]));
  for (let round = 0; round < rounds; round++)
    for (const count of streamCounts) found.get(count)?.push(await measure(targets, count, tokens));
  console.log("streams  tokens/s  first token ms  CPU outside ggml");
  for (const [count, figures] of found) {
    const speed = median(figures.map(one => one.tokensPerSecond)).toFixed(1);
    const first = median(figures.map(one => one.firstTokenMs)).toFixed(0);
    const outside = share(figures);
    console.log(`${pad(count, 7)}  ${pad(speed, 8)}  ${pad(first, 14)}  ${pad(outside, 16)}`);
  }
}

/** Alone and together in turn, so that a change of the machine meets both. */
async function benchTwoModels(first: Target, second: Target): Promise<void> {
  const alone: number[] = [];
  const together: number[] = [];
  for (let round = 0; round < rounds; round++) {
    alone.push((await measure([first], 4, tokens)).tokensPerSecond);
    together.push((await measure([first, second], 4, tokens)).tokensPerSecond);
  }
  const ratio = (100 * median(together)) / median(alone);
  console.log(
    `two models, 4 streams each: ${median(together).toFixed(1)} tokens/s together, ` +
      `${median(alone).toFixed(1)} one alone: ${ratio.toFixed(0)} %`,
  );
}

function findWeights(folder: string): string {
  const bundled = new URL("../../engine/models/bundled/echo-tiny.gguf", import.meta.url).pathname;
  return existsSync(bundled) ? bundled : writeRandom(folder);
}

/** Random weights of a real shape measure speed as well as trained ones: 27 M parameters, F32. */
function writeRandom(folder: string): string {
  const path = join(folder, "random.gguf");
  writeTinyGguf(path, {
    seed: 1,
    embeddingLength: 512,
    headCount: 8,
    feedForwardLength: 1_536,
    blockCount: 8,
    contextLength: 2_048,
  });
  return path;
}

function describeMachine(): string {
  return `${cpus().length} × ${cpus()[0]?.model.trim() ?? "CPU"}, Node ${process.versions.node}`;
}

function pad(value: string | number, width: number): string {
  return String(value).padStart(width);
}
