/** What the user sees of a deployment: the tree of what changes with its progress, messages, outputs and a summary; secrets never. */

import { changedKeys } from "./plan.ts";
import { nameOf, typeOf } from "./resource.ts";
import { isObject, isSecret, mapValue, type Properties, unknown, type Value } from "./values.ts";

export type Op = "create" | "update" | "replace" | "delete" | "delete-replaced" | "discard";
export type Severity = "debug" | "info" | "warning" | "error";

export interface Show {
  /** An operation begins; the answer says how it ended. */
  begin(urn: string, op: Op, details: string[]): (outcome: "done" | "failed") => void;
  same(urn: string): void;
  /** A component: it takes no time of its own. */
  group(urn: string, op: Op): void;
  /** `isPassing` messages only say what is going on. */
  log(severity: Severity, message: string, urn?: string, isPassing?: boolean): void;
  line(text: string): void;
  /** The last words; nothing is shown after it. */
  close(end: { hasFailed: boolean; outputs: Properties | undefined }): void;
  counts(): Record<Op | "same", number>;
}

export interface Terminal {
  write(text: string): void;
  /** Columns of a terminal that can be drawn on; undefined for files and pipes. */
  columns: number | undefined;
  rows: number | undefined;
}

export interface ShowOptions {
  terminal: Terminal;
  isPreview: boolean;
  /** Milliseconds. */
  clock: () => number;
  /** A resource is shown below this one. */
  parentOf: (urn: string) => string | undefined;
}

const symbols: Record<Op, string> = {
  create: "+ ",
  update: "~ ",
  replace: "+-",
  delete: "- ",
  "delete-replaced": "--",
  discard: "x ",
};

const words: Record<Op, [begun: string, done: string, planned: string]> = {
  create: ["creating", "created", "create"],
  update: ["updating", "updated", "update"],
  replace: ["creating replacement", "replaced", "replace"],
  delete: ["deleting", "deleted", "delete"],
  "delete-replaced": ["deleting original", "deleted original", "delete original"],
  discard: ["letting go", "let go", "let go"],
};

/** A value as the user may see it: `before → after` lines never show what is secret. */
function renderValue(value: Value | undefined): string {
  if (value === undefined) return "nothing";
  return JSON.stringify(mapValue(value, item => (isSecret(item) ? "[secret]" : item)))
    .replaceAll('"[secret]"', "[secret]")
    .replaceAll(`"${unknown}"`, "(known after up)");
}

/** What differs between two sets of inputs, a line a field, however deep it lies: `spec.slots: 4 → 8`. */
export function describeChanges(olds: Properties, news: Properties, path = ""): string[] {
  return changedKeys(olds, news).flatMap(key => {
    const [before, after] = [olds[key], news[key]];
    const field = `${path}${key}`;
    if (isOpen(before) && isOpen(after)) return describeChanges(before, after, `${field}.`);
    return `${field}: ${shorten(renderValue(before))} → ${shorten(renderValue(after))}`;
  });
}

function isOpen(value: Value | undefined): value is Properties {
  return isObject(value) && !isSecret(value);
}

const valueCharactersMax = 120;

function shorten(text: string): string {
  return text.length <= valueCharactersMax ? text : `${text.slice(0, valueCharactersMax)}…`;
}

const failure =
  "It did not succeed. What was done is recorded; correct the error and run the command again.";

interface Row {
  urn: string;
  op: Op;
  status: string;
  details: string[];
}

export function createShow(options: ShowOptions): Show {
  const counts = { create: 0, update: 0, replace: 0, delete: 0, same: 0 };
  const all = { ...counts, "delete-replaced": 0, discard: 0 };
  const rows = new Map<string, Row>();
  const began = options.clock();
  const screen = createScreen(options.terminal, () => renderTree(rows, options.parentOf));

  const update = (row: Row): void => {
    rows.set(row.urn, row);
    const [line, ...details] = renderRow(row, "");
    screen.changed([line ?? "", ...(row.status.endsWith("ing") ? [] : details)]);
  };
  return {
    begin: (urn, op, details) => {
      const start = options.clock();
      const [begun, done, planned] = words[op];
      if (!options.isPreview) update({ urn, op, status: begun, details });
      return outcome => {
        const seconds = ((options.clock() - start) / 1000).toFixed(1);
        if (outcome === "done") all[op] += 1;
        const status = outcome === "failed" ? `failed (${seconds}s)` : `${done} (${seconds}s)`;
        update({ urn, op, status: options.isPreview ? planned : status, details });
      };
    },
    group: (urn, op) => {
      all[op] += 1;
      const [, done, planned] = words[op];
      update({ urn, op, status: options.isPreview ? planned : done, details: [] });
    },
    same: () => {
      all.same += 1;
    },
    log: (severity, message, urn, isPassing) => {
      if (severity === "debug") return;
      const row = urn === undefined ? undefined : rows.get(urn);
      if (isPassing === true && row !== undefined && screen.isLive) {
        return update({ ...row, status: message.split("\n")[0] ?? "" });
      }
      const place = urn === undefined ? "" : `${typeOf(urn)} ${nameOf(urn)}: `;
      const mark = severity === "info" ? "" : `${severity}: `;
      screen.print(`${mark}${place}${message.trimEnd()}`);
    },
    line: text => screen.print(text),
    counts: () => all,
    close: ({ hasFailed, outputs }) => {
      screen.close();
      const lines = hasFailed ? ["", failure] : renderOutputs(outputs);
      for (const line of lines) options.terminal.write(`${line}\n`);
      const seconds = ((options.clock() - began) / 1000).toFixed(1);
      options.terminal.write(
        `\n${renderSummary(all, options.isPreview, hasFailed)} (${seconds} s)\n`,
      );
    },
  };
}

function renderRow(row: Row, indent: string): string[] {
  const symbol = symbols[row.op];
  const line = ` ${symbol} ${indent}${typeOf(row.urn)} ${nameOf(row.urn)}  ${row.status}`;
  return [line, ...row.details.map(detail => `      ${indent}${detail}`)];
}

function renderTree(
  rows: Map<string, Row>,
  parentOf: (urn: string) => string | undefined,
): string[] {
  const depthOf = (urn: string): number => {
    const parent = parentOf(urn);
    return parent === undefined ? 0 : 1 + depthOf(parent);
  };
  const pathOf = (urn: string): string => {
    const parent = parentOf(urn);
    return `${parent === undefined ? "" : pathOf(parent)}/${nameOf(urn)}`;
  };
  const sorted = [...rows.values()].sort((one, other) =>
    pathOf(one.urn) < pathOf(other.urn) ? -1 : 1,
  );
  return sorted.flatMap(row => renderRow(row, "  ".repeat(depthOf(row.urn))));
}

/** Outputs as lines that read like a stack file. */
export function renderOutputs(outputs: Properties | undefined): string[] {
  const entries = Object.entries(outputs ?? {});
  if (entries.length === 0) return [];
  return ["", "Outputs:", ...entries.flatMap(([key, value]) => renderOutput(key, value, "  "))];
}

/** One output as lines that read like the stack file. */
function renderOutput(key: string, value: Value, indent: string): string[] {
  if (isSecret(value)) return [`${indent}${key}: [secret]`];
  if (typeof value === "string") {
    return [`${indent}${key}: ${value === unknown ? "(known after up)" : value}`];
  }
  if (Array.isArray(value) && value.length > 0) {
    return [`${indent}${key}:`, ...value.flatMap(item => renderItem(item, `${indent}  `))];
  }
  if (isObject(value) && Object.keys(value).length > 0) {
    const entries = Object.entries(value);
    return [
      `${indent}${key}:`,
      ...entries.flatMap(([name, inner]) => renderOutput(name, inner, `${indent}  `)),
    ];
  }
  return [`${indent}${key}: ${renderValue(value)}`];
}

function renderItem(item: Value, indent: string): string[] {
  if (!isObject(item) || isSecret(item)) {
    const text = typeof item === "string" && item !== unknown ? item : renderValue(item);
    return [`${indent}- ${text}`];
  }
  return [
    `${indent}- ${Object.entries(item)
      .map(([key, value]) => `${key}: ${typeof value === "string" ? value : renderValue(value)}`)
      .join(", ")}`,
  ];
}

function renderSummary(
  all: Record<Op | "same", number>,
  isPreview: boolean,
  hasFailed: boolean,
): string {
  const say = (count: number, done: string, planned: string): string[] =>
    count === 0 ? [] : [`${count} ${isPreview ? planned : done}`];
  const parts = [
    ...say(all.create, "created", "to create"),
    ...say(all.update, "updated", "to update"),
    ...say(all.replace, "replaced", "to replace"),
    ...say(all.delete, "deleted", "to delete"),
    ...say(all.discard, "let go", "to let go"),
    ...say(all.same, "unchanged", "unchanged"),
  ];
  const changed = all.create + all.update + all.replace + all.delete + all.discard;
  const isCalm = changed === 0 && !hasFailed;
  return `${isCalm ? "No changes. " : ""}Resources: ${parts.join(", ") || "none"}`;
}

interface Screen {
  isLive: boolean;
  /** The tree changed: a terminal draws it again, anything else gets the lines. */
  changed(lines: string[]): void;
  print(text: string): void;
  close(): void;
}

const redrawMs = 80;

function createScreen(terminal: Terminal, tree: () => string[]): Screen {
  const { columns } = terminal;
  let drawn = 0;
  let timer: NodeJS.Timeout | undefined;
  const clear = (): string => (drawn === 0 ? "" : `\x1b[${drawn}A\x1b[0J`);
  const draw = (above: string): void => {
    clearTimeout(timer);
    timer = undefined;
    const lines = tree()
      .slice(-Math.max(1, (terminal.rows ?? 24) - 2))
      .map(line => line.slice(0, (columns ?? 80) - 1));
    terminal.write(`${clear()}${above}${lines.map(line => `${line}\n`).join("")}`);
    drawn = lines.length;
  };
  if (columns === undefined) {
    return {
      isLive: false,
      changed: lines => terminal.write(`${lines.join("\n")}\n`),
      print: text => terminal.write(`${text}\n`),
      close: () => undefined,
    };
  }
  return {
    isLive: true,
    changed: () => {
      timer ??= setTimeout(() => draw(""), redrawMs);
    },
    print: text => draw(`${text}\n`),
    close: () => draw(""),
  };
}
