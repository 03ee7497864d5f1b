/** Tables, sizes, times and progress as people read them. */
import { expect, test } from "vitest";
import {
  createStatusLine,
  cut,
  renderBytes,
  renderDuration,
  renderProgress,
  renderTable,
  wrap,
} from "../../../engine/cli/output.ts";
import { parseDuration } from "../../../engine/cli/waiting.ts";

interface Row {
  a: string;
  b: string;
}

test("columns are as wide as their widest cell, and lines end without blanks", () => {
  const rows = [
    { a: "one", b: "" },
    { a: "longer", b: "x" },
  ];
  const columns = [
    { title: "A", cell: (row: Row) => row.a },
    { title: "B", cell: (row: Row) => row.b },
  ];
  expect(renderTable(rows, columns)).toBe("A        B\none\nlonger   x\n");
});

test("sentences are broken and lines cut where a terminal ends, and nowhere else", () => {
  const streams = {
    out: () => undefined,
    tell: () => undefined,
    columns: 12,
    colours: false,
    interactive: false,
    input: () => undefined,
    ask: async () => undefined,
  };
  expect(wrap(streams, "one two three four", "  ")).toBe("one two\n  three\n  four");
  expect(cut(streams, "one two three four")).toBe("one two th…");
  const file = { ...streams, columns: undefined };
  expect(wrap(file, "one two three four")).toBe("one two three four");
  expect(cut(file, "one two three four")).toBe("one two three four");
});

test.each([
  [undefined, "-"],
  [0, "0 B"],
  [999, "999 B"],
  [2_733_408, "2.7 MB"],
  [123_400_000, "123 MB"],
  [5e12, "5.0 TB"],
])("%s bytes are %s", (bytes, text) => {
  expect(renderBytes(bytes)).toBe(text);
});

test.each([
  [-5, "0s"],
  [119_000, "119s"],
  [600_000, "10m"],
  [7_200_000, "2h"],
  [200_000_000, "2d"],
])("%s ms are %s", (ms, text) => {
  expect(renderDuration(ms)).toBe(text);
});

test("progress never passes its end", () => {
  expect(renderProgress(5, 10, 10)).toBe("[#####-----]  50 %  5 B of 10 B");
  expect(renderProgress(20, 10, 10)).toContain("100 %");
  expect(renderProgress(20, undefined)).toBe("20 B");
});

test.each([
  ["90s", 90_000],
  ["10m", 600_000],
  ["2", 2_000],
  ["1.5h", 5_400_000],
  ["200ms", 200],
])("%s is %s ms", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(["", "soon", "-1s", "99h"])('"%s" is no length of time', text => {
  expect(() => parseDuration(text)).toThrow(/length of time/);
});

test("without a terminal only what is new is a line", () => {
  const told: string[] = [];
  const streams = {
    out: () => undefined,
    tell: (text: string) => void told.push(text),
    columns: undefined,
    colours: false,
    interactive: false,
    input: () => undefined,
    ask: async () => undefined,
  };
  const line = createStatusLine(streams);
  for (const text of ["a  loading  [##]", "a  loading  [##]", "a  ready"]) line.show(text);
  expect(told.length).toBeLessThan(3);
});
