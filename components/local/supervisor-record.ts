/** The record below the home that says which supervisor runs there, so that any later command finds its process again. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { homeLayout } from "../../engine/contract/endpoints.ts";
import { writeFileAtomically } from "./atomic-file.ts";
import type { ProcessIdentity } from "./process-identity.ts";

/** What a supervisor is told once, at its start. */
export interface SupervisorPlan {
  home: string;
  /** Random, new with each process resource; the engine's health repeats it. */
  instance: string;
  /** `project/stack`: whose process it is. */
  owner: string;
  host: string;
  ports: { main: number; ollama: number };
  engineVersion: string;
  /** Path of the engine's main file. */
  entry: string;
}

export interface SupervisorRecord extends SupervisorPlan {
  supervisor: ProcessIdentity;
  /** The engine that runs now, if one does. */
  engine: ProcessIdentity | null;
  /** How often an engine was started. */
  starts: number;
  state: "running" | "gave-up";
  /** Why it gave up. */
  message: string;
}

export function recordPath(home: string): string {
  return join(home, homeLayout.run, "supervisor.json");
}

/** The record of `home`; undefined when there is none, or none that can be read. */
export function readRecord(home: string): SupervisorRecord | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(recordPath(home), "utf8"));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whole or not at all, whatever happens in between. */
export function writeRecord(record: SupervisorRecord): void {
  writeFileAtomically(recordPath(record.home), `${JSON.stringify(record, null, 2)}\n`);
}

export function removeRecord(home: string): void {
  rmSync(recordPath(home), { force: true });
}

function isRecord(value: unknown): value is SupervisorRecord {
  if (typeof value !== "object" || value === null) return false;
  const { home, instance, owner, host, ports, supervisor, engine, state } =
    value as Partial<SupervisorRecord>;
  return (
    [home, instance, owner, host].every(text => typeof text === "string") &&
    typeof ports?.main === "number" &&
    typeof ports.ollama === "number" &&
    isIdentity(supervisor) &&
    (engine === null || isIdentity(engine)) &&
    (state === "running" || state === "gave-up")
  );
}

function isIdentity(value: ProcessIdentity | null | undefined): boolean {
  return typeof value?.pid === "number" && typeof value.startTime === "string";
}
