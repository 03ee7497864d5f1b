/** A real log whose lines a test can look at. */
import { createLog, type LeveledLog } from "../../engine/telemetry/log.ts";

export function createKeptLog(): { log: LeveledLog; lines: string[] } {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  return { log: createLog({ level: "debug", format: "json", clock: Date, write }), lines };
}
