/** What a log line looks like, and that its level changes while it runs. */
import { expect, test } from "vitest";
import { createLog } from "../../../engine/telemetry/log.ts";

function recorded(format: "json" | "pretty") {
  const lines: string[] = [];
  const log = createLog({
    level: "info",
    format,
    clock: { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6) },
    write: line => lines.push(line),
  });
  return { log, lines };
}

test("a JSON line has time, level, message and the fields of its context", () => {
  const { log, lines } = recorded("json");
  log.with({ requestId: "r1" }).warn("slow", { ms: 12, none: undefined });
  expect(lines.map(line => JSON.parse(line))).toEqual([
    { time: "2026-01-02T03:04:05.006Z", level: "warn", message: "slow", requestId: "r1", ms: 12 },
  ]);
});

test("a field cannot take the place of time, level or message", () => {
  const { log, lines } = recorded("json");
  log.info("real", { message: "fake", level: "error" });
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "info", message: "real" });
});

test("the level changes live, for logs that were made before as well", () => {
  const { log, lines } = recorded("json");
  const child = log.with({ part: "x" });
  child.debug("unseen");
  log.setLevel("debug");
  child.debug("seen");
  expect(lines.map(line => JSON.parse(line).message)).toEqual(["seen"]);
});

test("a terminal line is readable and carries no control characters", () => {
  const { log, lines } = recorded("pretty");
  log.info("said \u001b[31mred\nand more", { path: "a b", count: 2 });
  expect(lines).toEqual(['03:04:05.006 info  said  [31mred and more path="a b" count=2\n']);
});

test("long values are cut", () => {
  const { log, lines } = recorded("json");
  log.info("x", { text: "y".repeat(10_000) });
  expect(lines[0]?.length).toBeLessThan(2_200);
});
