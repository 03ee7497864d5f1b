/** Replies that begin before their turn does: while a model has no replica, who reads a stream is shown that it is waited for. */
import type { Call, Engine } from "./call.ts";
import { type StreamOptions, stream } from "./reply.ts";
import type { OpenTurn } from "./turn.ts";

export interface BeginOptions extends StreamOptions {
  /** As the client wrote it. */
  model: string;
  /** Something that the dialect's clients read over; said at once and then every few seconds. */
  waiting: () => string;
  render: (turn: OpenTurn) => AsyncIterable<string>;
  headersOf: (turn: OpenTurn) => Record<string, string>;
}

/** What fails so soon still gets a status of its own. */
const patienceMs = 40;
const everyMs = 5_000;

/** A model that answers is waited for, so that an error has a status and the reply its headers; one that has to be woken is not. */
export async function beginStream(
  engine: Engine,
  call: Call,
  opening: Promise<OpenTurn>,
  options: BeginOptions,
): Promise<Response> {
  const isAwaited =
    engine.config().role === "gateway" && engine.models.find(options.model)?.state !== "ready";
  const turn = isAwaited ? await within(engine, opening, patienceMs) : await opening;
  if (turn !== undefined)
    return stream(call, options.render(turn), { ...options, headers: options.headersOf(turn) });
  return stream(call, waitFor(engine, opening, options), options);
}

async function* waitFor(
  engine: Engine,
  opening: Promise<OpenTurn>,
  { waiting, render }: BeginOptions,
): AsyncGenerator<string> {
  let isTaken = false;
  try {
    for (;;) {
      yield waiting();
      const turn = await within(engine, opening, everyMs);
      if (turn === undefined) continue;
      isTaken = true;
      return yield* render(turn);
    }
  } finally {
    if (!isTaken) void opening.then(giveBack, () => undefined);
  }
}

/** Nobody reads the turn any more: its slot and what was set aside for it are others' again. */
async function giveBack({ items }: OpenTurn): Promise<void> {
  try {
    // Only what was begun can be ended.
    for await (const _ of items) break;
  } catch {
    // It has ended by itself.
  }
}

/** @returns undefined when it takes longer */
async function within(
  { clock }: Engine,
  opening: Promise<OpenTurn>,
  ms: number,
): Promise<OpenTurn | undefined> {
  const over = new AbortController();
  // Seen by whoever asks again; until then a failure is nobody's.
  opening.catch(() => undefined);
  try {
    return await Promise.race([opening, clock.sleep(ms, over.signal).then(() => undefined)]);
  } finally {
    over.abort();
  }
}
