/**
 * Runs a stack's whole program through the embedded engine with recording providers: the graph it makes, a preview with
 * unknowns, an update, a second run. Nothing outside the test is touched.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "../../stacks/embedded/deployment.ts";
import { type EmbeddedResult, runEmbedded } from "../../stacks/embedded/embedded.ts";
import { changedKeys } from "../../stacks/embedded/plan.ts";
import type { ResourceProvider } from "../../stacks/embedded/provider.ts";
import { nameOf, typeOf } from "../../stacks/embedded/resource.ts";
import type { Secrets } from "../../stacks/embedded/secrets.ts";
import type { Properties } from "../../stacks/embedded/values.ts";

export interface RecordedCall {
  operation: "create" | "update" | "delete" | "read";
  type: string;
  name: string;
  /** New inputs; of a deletion the old ones. Secrets carry their tags. */
  inputs: Properties;
}

export interface HarnessOptions {
  /** Where Pulumi.yaml is. */
  projectRoot: string;
  stack: string;
  /** By `project:key`; what is no text as JSON. */
  config: Record<string, string>;
  secretKeys?: string[];
  /** What a resource has besides its inputs once it was made. */
  outputs?: (type: string, name: string, inputs: Properties) => Properties;
  /** Inputs of a type that cannot be changed in place. */
  replacedBy?: (type: string) => string[];
  /** Answers to look-ups, by token; others are refused by name. */
  lookups?: Record<string, (args: Properties) => Properties>;
  environment?: Record<string, string>;
  /** Does what is asked instead of recording it. */
  provider?: ResourceProvider;
}

export interface HarnessRun extends EmbeddedResult {
  calls: RecordedCall[];
  /** What a user would have read. */
  output: string;
}

export interface StackHarness extends Disposable {
  run(
    command: Command,
    changed?: Partial<Pick<HarnessOptions, "config" | "secretKeys">>,
  ): Promise<HarnessRun>;
}

/** Nothing leaves the test's folder, so that its secrets need no slow key. */
const openSecrets: Secrets = {
  salt: "v1:AAAAAAAAAAA=:v1:harness:harness",
  encrypt: text => Buffer.from(text).toString("base64"),
  decrypt: text => Buffer.from(text, "base64").toString(),
};

export function createStackHarness(options: HarnessOptions): StackHarness {
  const backend = mkdtempSync(join(tmpdir(), "echorator-harness-"));
  return {
    run: async (command, changed = {}) => {
      const calls: RecordedCall[] = [];
      let output = "";
      const recorder = createRecorder(options, calls);
      const result = await runEmbedded({
        command,
        stack: options.stack,
        projectRoot: options.projectRoot,
        backend,
        passphrase: "",
        secrets: openSecrets,
        config: changed.config ?? options.config,
        secretKeys: changed.secretKeys ?? options.secretKeys ?? [],
        providers: () => options.provider ?? recorder,
        lookups: options.lookups ?? {},
        environment: {
          ...process.env,
          ECHORATOR_HOME: join(backend, "home"),
          ...options.environment,
        },
        out: {
          write: text => {
            output += text;
          },
          columns: undefined,
          rows: undefined,
        },
      });
      return { ...result, calls, output };
    },
    [Symbol.dispose]: () => rmSync(backend, { recursive: true, force: true }),
  };
}

/** Accepts everything, remembers it, and makes resources of their inputs. */
function createRecorder(options: HarnessOptions, calls: RecordedCall[]): ResourceProvider {
  const note = (operation: RecordedCall["operation"], urn: string, inputs: Properties): void => {
    calls.push({ operation, type: typeOf(urn), name: nameOf(urn), inputs });
  };
  const finish = (urn: string, inputs: Properties): Properties => ({
    ...inputs,
    ...options.outputs?.(typeOf(urn), nameOf(urn), inputs),
  });
  return {
    configure: async () => ({ supportsPreview: false }),
    check: async ({ news }) => ({ inputs: news, failures: [] }),
    diff: async ({ urn, inputs, news }) => {
      const fixed = options.replacedBy?.(typeOf(urn)) ?? [];
      const replaces = changedKeys(inputs, news).filter(key => fixed.includes(key));
      return { changes: "unknown", replaces, deleteBeforeReplace: false };
    },
    create: async ({ urn, inputs }) => {
      note("create", urn, inputs);
      return { id: `${nameOf(urn)}-id`, outputs: finish(urn, inputs) };
    },
    update: async ({ urn, news }) => {
      note("update", urn, news);
      return { outputs: finish(urn, news) };
    },
    read: async ({ urn, id, inputs, outputs }) => {
      note("read", urn, inputs);
      return { id, inputs, outputs };
    },
    delete: async ({ urn, inputs }) => note("delete", urn, inputs),
    cancel: async () => undefined,
    close: async () => undefined,
  };
}
