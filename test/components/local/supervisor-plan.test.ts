/** When an engine is started again, when it is given up, and how logs make room. */
import { expect, test } from "vitest";
import {
  describeExit,
  isLogFull,
  lastWords,
  planAfterExit,
  planRotation,
  supervisorLimits,
} from "../../../components/local/supervisor-plan.ts";

const crash = { code: null, signal: "SIGKILL" } as const;
const hopeless = 78;

test("each crash within the window waits longer than the one before, and the fifth is the last", () => {
  const times = [0, 1_000, 2_000, 3_000, 4_000];
  const plans = times.map((now, index) =>
    planAfterExit(crash, times.slice(0, index + 1), now, hopeless),
  );
  expect(plans).toEqual([
    { do: "start", delayMs: 100 },
    { do: "start", delayMs: 400 },
    { do: "start", delayMs: 1_600 },
    { do: "start", delayMs: 5_000 },
    { do: "give-up", why: "The engine ended 5 times within 60 s, last by SIGKILL" },
  ]);
});

test("crashes before the window are forgotten", () => {
  const times = [0, 1, 2, 3, 70_000];
  expect(planAfterExit(crash, times, 70_000, hopeless)).toEqual({ do: "start", delayMs: 100 });
});

test("a refused configuration is not tried again", () => {
  const plan = planAfterExit({ code: hopeless, signal: null }, [0], 0, hopeless);
  expect(plan).toEqual({ do: "give-up", why: "The engine refused its configuration" });
});

test("an end is told by its signal or its code", () => {
  expect(describeExit(crash)).toBe("by SIGKILL");
  expect(describeExit({ code: 3, signal: null })).toBe("with code 3");
});

test("a log is full when the next piece would not fit, but one piece always does", () => {
  const { logBytesMax } = supervisorLimits;
  expect(isLogFull(logBytesMax - 10, 10)).toBe(false);
  expect(isLogFull(logBytesMax - 10, 11)).toBe(true);
  expect(isLogFull(0, logBytesMax + 1)).toBe(false);
});

test("rotation renames the oldest first, so that nothing but it is lost", () => {
  expect(planRotation("log")).toEqual([
    { from: "log.3", to: "log.4" },
    { from: "log.2", to: "log.3" },
    { from: "log.1", to: "log.2" },
    { from: "log", to: "log.1" },
  ]);
});

test("an engine's last words are its error, not the frames behind it", () => {
  const stack =
    "file:///x.ts:1\n    throw new Error()\n\nTypeError: no\n    at x (y)\n\nNode.js v24.0.0\n";
  expect(lastWords(stack)).toBe("TypeError: no");
  expect(lastWords('{"message":"a"}\nPort 5000 is taken.\n')).toBe("Port 5000 is taken.");
  expect(lastWords("")).toBe("");
});
