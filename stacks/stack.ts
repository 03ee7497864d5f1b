/** What every target is given and what it gives: the program's side of a stack, whatever it runs on. */
import type { Output } from "@pulumi/pulumi";
import type { MemoryMode } from "../engine/contract/memory.ts";

export interface StackContext {
  stack: string;
  /** The folder that everything kept is under. */
  home: string;
  version: string;
  /** Top-level fields of the configuration that hold a secret. */
  secretFields: ReadonlySet<string>;
}

export interface StackOutputs {
  endpoints: { main: string; ollama: string };
  /** By name. */
  models: Record<string, { source: string; state: Output<string> }>;
  memory: {
    folder?: string;
    database?: string;
    mode: { main: MemoryMode; compatible: MemoryMode };
  };
  /** A line for the shell, to see that it works. */
  try: string;
}
