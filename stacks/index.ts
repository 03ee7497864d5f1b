/** What exists: the program of every stack, over what the stack's file says. */
import { getStack } from "@pulumi/pulumi";
import { readHome, readStackConfig } from "./config.ts";
import type { StackConfig } from "./parse-config.ts";
import type { StackContext, StackOutputs } from "./stack.ts";
import { readVersion } from "./version.ts";

const stack = getStack();
const { config, secretFields } = readStackConfig(stack);
const context: StackContext = { stack, home: readHome(), version: readVersion(), secretFields };

/** A target is loaded when a stack has it, so that a laptop's start pays for nothing else. */
async function createStack(given: StackConfig): Promise<StackOutputs> {
  if (given.target === "process") {
    const { createProcessStack } = await import("./process.ts");
    return createProcessStack(given, context);
  }
  const { createClusterStack } = await import("./kubernetes.ts");
  return createClusterStack(given, context);
}

const outputs = await createStack(config);

/** Where clients reach the engine: on this machine, or inside the cluster. */
export const endpoints = outputs.endpoints;

/** What is served: name → source and state. */
export const models = outputs.models;

/** Where conversations are kept, and when they are. */
export const memory = outputs.memory;

const tryLine = outputs.try;

/** A line for the shell, to see that it works. */
export { tryLine as try };
