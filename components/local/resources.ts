/** The custom resources of the local provider as a program sees them. */
import {
  CustomResource,
  type CustomResourceOptions,
  type Input,
  type Output,
} from "@pulumi/pulumi";
import type { EngineSettings } from "../../engine/contract/config.ts";
import type { ModelSpec } from "../../engine/contract/model.ts";

export interface ProcessArgs {
  /** Absolute path of the folder that everything kept is under. */
  home: string;
  host: string;
  ports: { main: number; ollama: number };
  /** All settings but where it listens and what it serves. */
  config: Input<EngineSettings>;
  /** Another version replaces the process. */
  engineVersion: string;
}

/** The engine of one home, supervised, in the background of this machine. Costs memory for its models and nothing else. */
export class Process extends CustomResource {
  /** New with each process; its health repeats it. */
  declare readonly instance: Output<string>;
  /** Of the supervisor. */
  declare readonly pid: Output<number>;
  /** Of the supervisor; with it the pid is unmistakable. */
  declare readonly startTime: Output<string>;
  /** Where this machine reaches the main API. */
  declare readonly url: Output<string>;
  declare readonly ollamaUrl: Output<string>;

  constructor(name: string, args: ProcessArgs, options: CustomResourceOptions) {
    const outputs = { instance: undefined, pid: undefined, startTime: undefined };
    const urls = { url: undefined, ollamaUrl: undefined };
    super("echo:local:Process", name, { ...args, ...outputs, ...urls }, options);
  }
}

export interface ServedModelArgs {
  home: string;
  /** Of the main API. */
  endpoint: Input<string>;
  /** Of the process that serves it. */
  instance: Input<string>;
  spec: Input<ModelSpec>;
}

/** One model of the stack in a running engine. An edit is made in place; other models and their streams go on. */
export class ServedModel extends CustomResource {
  declare readonly state: Output<string>;
  declare readonly sha256: Output<string | undefined>;
  declare readonly bytes: Output<number | undefined>;
  /** Tokens of one sequence as loaded. */
  declare readonly contextTokens: Output<number | undefined>;

  constructor(name: string, args: ServedModelArgs, options: CustomResourceOptions) {
    const outputs = { state: undefined, sha256: undefined, bytes: undefined };
    super(
      "echo:local:ServedModel",
      name,
      { ...args, ...outputs, contextTokens: undefined },
      options,
    );
  }
}
