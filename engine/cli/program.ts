/** From a command line to an exit code: finds the verb, reads its options, and says every failure with what to do. */
import { parseArgs } from "node:util";
import { EngineError } from "../contract/errors.ts";
import {
  commonOptions,
  type DescribedOption,
  type Invocation,
  type OptionSpecs,
  type OptionValues,
  type OutputFormat,
  type Streams,
  type Verb,
} from "./command.ts";
import { exitOf, exits } from "./exits.ts";
import { renderGeneralHelp, renderVerbHelp } from "./help.ts";
import { paint } from "./output.ts";
import type { Place } from "./place.ts";
import { verbs } from "./verbs.ts";

export type OpenPlace = (options: OptionValues) => Promise<Place>;

export interface ProgramOptions {
  args: readonly string[];
  streams: Streams;
  environment: Readonly<Record<string, string | undefined>>;
  openPlace: OpenPlace;
  readFile: (path: string) => Promise<string>;
  now: () => number;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  signal: AbortSignal;
  version: string;
}

/** Never throws: whatever goes wrong is said on `streams` and in the code. */
export async function runProgram(options: ProgramOptions): Promise<number> {
  const { streams } = options;
  try {
    return await dispatch(options);
  } catch (error) {
    if (options.signal.aborted) return exits.interrupted.code;
    streams.tell(`${paint(streams, "red", "kollama:")} ${explain(error)}\n`);
    return isMisuse(error) ? exits.misuse.code : exitOf(error);
  }
}

async function dispatch(options: ProgramOptions): Promise<number> {
  const { streams, args } = options;
  const [word, ...rest] = args;
  if (word === undefined || word === "help" || word === "--help" || word === "-h") {
    const wanted = word === "help" ? findVerb(rest[0]) : undefined;
    streams.out(wanted === undefined ? renderGeneralHelp(verbs) : renderVerbHelp(wanted));
    return exits.ok.code;
  }
  if (word === "--version" || word === "version") {
    streams.out(`kollama ${options.version}\n`);
    return exits.ok.code;
  }
  const verb = findVerb(word);
  if (verb === undefined) throw noSuchVerb(word);
  return await invoke(options, verb, rest);
}

async function invoke(options: ProgramOptions, verb: Verb, args: string[]): Promise<number> {
  const described = { ...commonOptions, ...verb.options };
  const { values, positionals } = parseArgs({
    args,
    options: toSpecs(described),
    allowPositionals: true,
  });
  const given = values as OptionValues;
  if (given.help === true) {
    options.streams.out(renderVerbHelp(verb));
    return exits.ok.code;
  }
  let place: Promise<Place> | undefined;
  const invocation: Invocation = {
    ...options,
    words: positionals,
    options: given,
    format: readFormat(given.output),
    place: () => {
      place ??= options.openPlace(given);
      return place;
    },
  };
  try {
    return (await verb.run(invocation)) ?? exits.ok.code;
  } finally {
    await place?.then(
      opened => opened.close(),
      () => undefined,
    );
  }
}

export function toSpecs(described: Readonly<Record<string, DescribedOption>>): OptionSpecs {
  return Object.fromEntries(
    Object.entries(described).map(([name, { type, short, multiple }]) => [
      name,
      {
        type,
        ...(short === undefined ? {} : { short }),
        ...(multiple === undefined ? {} : { multiple }),
      },
    ]),
  );
}

export function findVerb(word: string | undefined): Verb | undefined {
  return verbs.find(verb => verb.name === word || verb.aliases?.includes(word ?? ""));
}

const formats: readonly string[] = commonOptions.output?.choices ?? [];

function readFormat(value: unknown): OutputFormat {
  const format = value ?? "human";
  if (typeof format === "string" && formats.includes(format)) return format as OutputFormat;
  throw new EngineError("invalid_request", `There is no output format "${String(format)}".`, {
    remedy: `Write one of ${formats.join(", ")}.`,
  });
}

function noSuchVerb(word: string): EngineError {
  const near = verbs.map(verb => verb.name).filter(name => distance(name, word) <= 2);
  return new EngineError("invalid_request", `There is no verb "${word}".`, {
    remedy: near.length > 0 ? `Did you mean ${near.join(" or ")}?` : "See `kollama help`.",
  });
}

/** How many letters have to be put, taken or changed to get from one word to the other. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...to].entries())
      next.push(
        Math.min(
          (row[j] ?? 0) + (letter === other ? 0 : 1),
          (row[j + 1] ?? 0) + 1,
          (next[j] ?? 0) + 1,
        ),
      );
    row = next;
  }
  return row.at(-1) ?? 0;
}

function isMisuse(error: unknown): boolean {
  return (
    error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS")
  );
}

function explain(error: unknown): string {
  if (error instanceof EngineError) return `${error.message} ${error.remedy}`;
  if (isMisuse(error)) return `${(error as Error).message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
