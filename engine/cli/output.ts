/** How kollama shows things: tables, sizes, ages, progress, and the same as data. */
import { stringify } from "yaml";
import type { OutputFormat, Streams } from "./command.ts";

export interface Column<T> {
  title: string;
  cell(row: T): string;
  /** Of the cell, where a person looks. */
  colour?(row: T): Colour;
}

/** Columns as wide as their widest cell; without rows nothing but the titles. */
export function renderTable<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  streams?: Streams,
): string {
  const widths = columns.map(column =>
    Math.max(column.title.length, ...rows.map(row => column.cell(row).length)),
  );
  const toLine = (cell: (column: Column<T>, width: number) => string) =>
    `${columns
      .map((column, at) => cell(column, widths[at] ?? 0))
      .join("   ")
      .trimEnd()}\n`;
  const paintCell = (row: T) => (column: Column<T>, width: number) => {
    const text = column.cell(row).padEnd(width);
    const colour = column.colour?.(row);
    return streams === undefined || colour === undefined ? text : paint(streams, colour, text);
  };
  const titles = toLine((column, width) => column.title.padEnd(width));
  const head = streams === undefined ? titles : `${paint(streams, "bold", titles.trimEnd())}\n`;
  return head + rows.map(row => toLine(paintCell(row))).join("");
}

/** `items` as the format wants them; `human` writes what a person reads. */
export function show<T>(
  streams: Streams,
  format: OutputFormat,
  value: T,
  views: { human: (value: T) => string; names: (value: T) => string[] },
): void {
  if (format === "json") streams.out(`${JSON.stringify(value, undefined, 2)}\n`);
  else if (format === "yaml") streams.out(stringify(value));
  else if (format === "name")
    streams.out(
      views
        .names(value)
        .map(name => `${name}\n`)
        .join(""),
    );
  else streams.out(views.human(value));
}

const units = ["B", "KB", "MB", "GB", "TB"] as const;

/** `2.7 MB`: powers of 1000, as disks and networks count. */
export function renderBytes(bytes: number | undefined): string {
  if (bytes === undefined) return "-";
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `45s`, `12m`, `5h`, `3d`. */
export function renderDuration(ms: number | undefined): string {
  if (ms === undefined) return "-";
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** `[#####-----]  52 %  1.4 GB of 2.7 GB` */
export function renderProgress(completed: number, total: number | undefined, width = 24): string {
  if (total === undefined || total <= 0) return renderBytes(completed);
  const share = Math.min(1, completed / total);
  const full = Math.round(share * width);
  const bar = `[${"#".repeat(full)}${"-".repeat(width - full)}]`;
  const percent = `${Math.floor(share * 100)}`.padStart(3);
  return `${bar} ${percent} %  ${renderBytes(completed)} of ${renderBytes(total)}`;
}

/** Broken between words where a person looks; words that are longer than a line stay whole. */
export function wrap(streams: Streams, text: string, indent = ""): string {
  const { columns = Number.POSITIVE_INFINITY } = streams;
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length < columns)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(last === undefined ? word : `${indent}${word}`);
  }
  return lines.join("\n");
}

/** On one line of a terminal; whole elsewhere. */
export function cut(streams: Streams, text: string): string {
  const { columns = Number.POSITIVE_INFINITY } = streams;
  return text.length < columns ? text : `${text.slice(0, columns - 2)}…`;
}

export interface StatusLine {
  /** Replaces the line on a terminal; elsewhere a new line when the text's first word has changed. */
  show(text: string): void;
  /** Leaves the last text where it is. */
  end(): void;
}

export function createStatusLine(streams: Streams): StatusLine {
  const columns = streams.columns;
  let shown = "";
  return {
    show(text) {
      if (columns !== undefined) {
        streams.tell(`\r\x1b[2K${text.slice(0, columns - 1)}`);
        shown = text;
        return;
      }
      const word = (line: string) => line.split(/ {2}|\[/)[0];
      if (word(text) !== word(shown)) streams.tell(`${text}\n`);
      shown = text;
    },
    end() {
      if (columns !== undefined && shown !== "") streams.tell("\n");
      shown = "";
    },
  };
}

const codes = { red: 31, green: 32, yellow: 33, grey: 90, bold: 1 } as const;

export type Colour = keyof typeof codes;

export function paint(streams: Streams, colour: Colour, text: string): string {
  return streams.colours ? `\x1b[${codes[colour]}m${text}\x1b[0m` : text;
}
