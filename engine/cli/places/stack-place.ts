/** A stack of this checkout as a place: its configuration is edited, and `up` makes it so. */
import { parse as parseYaml } from "yaml";
import { defaultPorts } from "../../contract/endpoints.ts";
import { EngineError } from "../../contract/errors.ts";
import type { ModelSpec } from "../../contract/model.ts";
import type { EngineClient } from "../engine-client.ts";
import { checkSpec } from "../model-options.ts";
import type { Evidence, ModelDetail, Place, PlacedModel } from "../place.ts";

/** Runs `npm run config -- WORDS`; resolves with what it wrote, or undefined where it found no such key. */
export type Configure = (words: readonly string[]) => Promise<string | undefined>;

export interface StackPlaceOptions {
  stack: string;
  configure: Configure;
  openEngine: (url: string) => EngineClient;
}

export function createStackPlace({ stack, configure, openEngine }: StackPlaceOptions): Place {
  let changed = false;
  const read = async (): Promise<ModelSpec[]> => {
    const value: unknown = parseYaml((await configure(["get", "models"])) ?? "[]");
    if (!Array.isArray(value))
      throw new EngineError("invalid_config", `echorator:models of stack "${stack}" is no list.`);
    return value.map(checkSpec).sort((a, b) => (a.name < b.name ? -1 : 1));
  };
  const write = async (specs: readonly ModelSpec[]) => {
    await configure(["set", "models", JSON.stringify(specs)]);
    changed = true;
  };
  const find = async (name: string) => {
    const spec = (await read()).find(one => one.name === name);
    if (spec !== undefined) return spec;
    throw new EngineError("model_not_found", `Stack "${stack}" has no model "${name}".`, {
      remedy: `See kollama list --stack ${stack}.`,
    });
  };
  return {
    kind: "stack",
    title: `stack ${stack}`,
    models: async () => (await read()).map(toPlaced),
    model: async name => toDetail(await find(name)),
    async deploy(spec) {
      const others = (await read()).filter(one => one.name !== spec.name);
      await write([...others, spec]);
    },
    async *watch(name) {
      yield toPlaced(await find(name));
    },
    async undeploy(name) {
      await find(name);
      await write((await read()).filter(one => one.name !== name));
    },
    async scale(name, replicas) {
      const spec = await find(name);
      await this.deploy({ ...spec, replicas });
    },
    // biome-ignore lint/correctness/useYield: there is nothing to read.
    async *logs() {
      throw new EngineError("unsupported", "A stack's configuration has no logs.", {
        remedy: "Name the cluster with --kubeconfig, or the engine with --url.",
      });
    },
    async engine() {
      const value: unknown = parseYaml((await configure(["get", "ports"])) ?? "{}");
      const ports = (value ?? {}) as { main?: number };
      return openEngine(`http://127.0.0.1:${ports.main ?? defaultPorts.main}`);
    },
    evidence: async name => ({
      ...nothing,
      model: name === undefined ? undefined : toPlaced(await find(name)),
    }),
    followUp: () => (changed ? `Make it so: npm run up -- ${stack}` : undefined),
    close: () => undefined,
  };
}

const nothing: Evidence = {
  model: undefined,
  conditions: [],
  events: [],
  pods: [],
  logs: [],
  health: [],
};

/** Declared, which is all that a configuration can say. */
function toPlaced(spec: ModelSpec): PlacedModel {
  return {
    name: spec.name,
    source: spec.source,
    phase: "declared",
    replicas: { ready: 0, wanted: spec.replicas?.min ?? 1 },
    message: undefined,
    progress: undefined,
    contextTokens: spec.context,
    memoryBytes: undefined,
    createdMs: undefined,
    isReady: true,
    isStalled: false,
  };
}

function toDetail(spec: ModelSpec): ModelDetail {
  return { ...toPlaced(spec), spec, sections: [] };
}
