/** What a verb of kollama is, and what it gets to work with. */
import type { ParseArgsConfig } from "node:util";
import type { Place } from "./place.ts";

export type OptionSpecs = NonNullable<ParseArgsConfig["options"]>;
export type OptionValues = Readonly<Record<string, string | boolean | string[] | undefined>>;

export interface DescribedOption {
  /** As node:util's parseArgs takes it. */
  type: "string" | "boolean";
  short?: string;
  multiple?: boolean;
  /** What stands for the value in the help: FILE, N … */
  value?: string;
  help: string;
  /** What a shell may complete. */
  choices?: readonly string[];
}

export interface Streams {
  /** Answers: what a script reads. */
  out(text: string): void;
  /** Progress, warnings and errors: what a person reads. */
  tell(text: string): void;
  /** Columns of the terminal behind `tell`; undefined where there is none. */
  readonly columns: number | undefined;
  readonly colours: boolean;
  /** Whether a person can be asked. */
  readonly interactive: boolean;
  /** Standard input to its end; undefined when it is a terminal. */
  input(): Promise<string> | undefined;
  /** One line from a person; undefined at the end of input. */
  ask(question: string, signal: AbortSignal): Promise<string | undefined>;
}

export type OutputFormat = "human" | "json" | "yaml" | "name";

export interface Invocation {
  streams: Streams;
  /** Positional words after the verb. */
  words: readonly string[];
  options: OptionValues;
  format: OutputFormat;
  environment: Readonly<Record<string, string | undefined>>;
  /** Where the models are: a cluster, a stack or an engine; opened at the first call. */
  place(): Promise<Place>;
  readFile(path: string): Promise<string>;
  /** Of kollama. */
  version: string;
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Ctrl-C. */
  signal: AbortSignal;
}

export interface Verb {
  name: string;
  aliases?: readonly string[];
  summary: string;
  /** After `kollama NAME`. */
  usage: string;
  /** Longer help: one paragraph and examples. */
  help?: string;
  options?: Readonly<Record<string, DescribedOption>>;
  /** Words that a shell may complete at this position: the names of models, or fixed words. */
  completes?: readonly ("model" | readonly string[])[];
  /** Resolves with the exit code, or with nothing for 0. */
  run(invocation: Invocation): Promise<number> | Promise<void>;
}

/** Options that every verb takes. */
export const commonOptions: Readonly<Record<string, DescribedOption>> = {
  kubeconfig: { type: "string", value: "FILE", help: "a cluster's kubeconfig (KUBECONFIG)" },
  context: { type: "string", value: "NAME", help: "context of the kubeconfig" },
  namespace: { type: "string", short: "n", value: "NAME", help: "namespace of the models" },
  url: { type: "string", value: "URL", help: "an engine or gateway (KOLLAMA_URL)" },
  key: { type: "string", value: "KEY", help: "key of that engine (KOLLAMA_KEY)" },
  stack: { type: "string", value: "NAME", help: "a stack of this checkout" },
  output: {
    type: "string",
    short: "o",
    value: "FORMAT",
    help: "human, json, yaml or name",
    choices: ["human", "json", "yaml", "name"],
  },
  timeout: { type: "string", value: "10m", help: "how long to wait for anything" },
  help: { type: "boolean", short: "h", help: "what the verb does" },
};
