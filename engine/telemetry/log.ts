/** The log: one JSON line an entry, or one readable line on a terminal; its level can change while it runs. */
import type { Clock } from "../kit/clock.ts";
import type { Log, LogFields, LogLevel } from "./telemetry.ts";

export interface LogOptions {
  level: LogLevel;
  format: "json" | "pretty";
  clock: Pick<Clock, "now">;
  /** Takes one line with its line break. */
  write: (line: string) => void;
}

export interface LeveledLog extends Log {
  /** Holds for this log and all that were made from it. */
  setLevel(level: LogLevel): void;
}

const rank: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Longer values are cut: a log line is for reading. */
const valueCharactersMax = 2_000;

export function createLog({ level, format, clock, write }: LogOptions): LeveledLog {
  const state = { level };
  const render = format === "json" ? toJsonLine : toPrettyLine;
  const make = (context: LogFields): LeveledLog => {
    const at = (entry: LogLevel) => (message: string, fields?: LogFields) => {
      if (rank[entry] < rank[state.level]) return;
      write(render(new Date(clock.now()).toISOString(), entry, message, { ...context, ...fields }));
    };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      with: fields => make({ ...context, ...fields }),
      setLevel: next => {
        state.level = next;
      },
    };
  };
  return make({});
}

function toJsonLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  // `own` stands first for the reader and comes last for the value: no field may take its place.
  const own = { time, level, message: cut(message) };
  return `${JSON.stringify({ ...own, ...cutValues(fields), ...own })}\n`;
}

function toPrettyLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${toWord(value)}`)
    .join("");
  return `${time.slice(11, 23)} ${level.padEnd(5)} ${withoutControl(cut(message))}${rest}\n`;
}

function cutValues(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "string" ? cut(value) : value,
    ]),
  );
}

function toWord(value: LogFields[string]): string {
  const text = cut(String(value));
  return /^[\w./:@%+-]+$/.test(text) ? text : JSON.stringify(text);
}

function cut(text: string): string {
  return text.length <= valueCharactersMax ? text : `${text.slice(0, valueCharactersMax)}…`;
}

/** A message may hold a model's or a client's words: no escape sequence reaches the terminal. */
function withoutControl(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}
