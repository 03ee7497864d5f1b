/** One engine as a place: models by its Admin API, everything else by its public ones. */
import { paths } from "../../contract/endpoints.ts";
import { EngineError } from "../../contract/errors.ts";
import type { ModelStatus } from "../../contract/model.ts";
import type { EngineClient } from "../engine-client.ts";
import { renderBytes } from "../output.ts";
import type { Evidence, ModelDetail, Place, PlacedModel } from "../place.ts";

export interface EnginePlaceOptions {
  client: EngineClient;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** How often a model is looked at while it is being watched. */
const lookMs = 500;
const healthPaths = [paths.live, paths.started, paths.ready, paths.cognition];

export function createEnginePlace({ client, sleep }: EnginePlaceOptions): Place {
  const one = (name: string) => `${paths.adminModels}/${encodeURIComponent(name)}`;
  const statuses = async () =>
    (await client.json<{ data: ModelStatus[] }>("GET", paths.adminModels)).data;
  const status = (name: string) => client.json<ModelStatus>("GET", one(name));
  return {
    kind: "engine",
    title: client.title,
    models: async () => (await statuses()).map(toPlaced),
    model: async name => toDetail(await status(name)),
    async deploy(spec) {
      // Its first line says that the engine has taken it; what follows is watched like any change.
      const changes = client.lines<ModelStatus>(
        "PUT",
        `${one(spec.name)}?owner=client`,
        spec,
        AbortSignal.timeout(60_000),
      );
      for await (const _ of changes) return;
    },
    async *watch(name, signal) {
      for (let last = ""; !signal.aborted; await sleep(lookMs, signal)) {
        const model = toPlaced(await status(name));
        const text = JSON.stringify(model);
        if (text !== last) yield model;
        last = text;
      }
    },
    undeploy: async name => {
      await client.json("DELETE", `${one(name)}?owner=client`);
    },
    scale: async () => {
      throw notOnOneMachine("an engine serves a model once; a cluster can scale it");
    },
    // biome-ignore lint/correctness/useYield: the engine's log is not served over HTTP.
    async *logs() {
      throw notOnOneMachine("an engine does not show its log over the network");
    },
    engine: async () => client,
    evidence: async name => await gatherEvidence(client, name, statuses),
    followUp: () => undefined,
    close: () => undefined,
  };
}

function notOnOneMachine(message: string): EngineError {
  return new EngineError("unsupported", `${sentence(message)}.`, {
    remedy: "Name a cluster with --kubeconfig, or look below the home folder: logs/.",
  });
}

function sentence(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1);
}

function toPlaced(status: ModelStatus): PlacedModel {
  const { spec, state, error, progress, contextTokens, memoryBytes } = status;
  const isReady = state === "ready";
  return {
    name: spec.name,
    source: spec.source,
    phase: state,
    replicas: { ready: isReady ? 1 : 0, wanted: 1 },
    message: error === undefined ? undefined : `${error.message} ${error.remedy}`,
    progress:
      progress === undefined
        ? undefined
        : { completedBytes: progress.completedBytes, totalBytes: progress.totalBytes },
    contextTokens,
    memoryBytes,
    createdMs: undefined,
    isReady: isReady || state === "unloaded",
    isStalled: state === "failed",
  };
}

function toDetail(status: ModelStatus): ModelDetail {
  const { file } = status;
  const rows: [string, string][] =
    file === undefined
      ? []
      : [
          ["architecture", file.facts.architecture],
          ["parameters", String(file.facts.parameters)],
          ["quantization", file.facts.quantization],
          ["size", renderBytes(file.bytes)],
          ["sha256", file.sha256],
          ["file", file.path],
        ];
  return {
    ...toPlaced(status),
    spec: status.spec,
    sections: rows.length === 0 ? [] : [{ title: "Weights", rows }],
  };
}

async function gatherEvidence(
  client: EngineClient,
  name: string | undefined,
  statuses: () => Promise<ModelStatus[]>,
): Promise<Evidence> {
  const health = await Promise.all(
    healthPaths.map(async path => {
      const { status, text } = await client.text(path);
      return { path, status, reasons: readReasons(text) };
    }),
  );
  const found = name === undefined ? undefined : (await statuses()).find(s => s.spec.name === name);
  const model = found === undefined ? undefined : toPlaced(found);
  return { model, conditions: [], events: [], pods: [], logs: [], health };
}

function readReasons(text: string): string[] {
  try {
    const value = JSON.parse(text) as { reasons?: string[] };
    return value.reasons ?? [];
  } catch {
    return [];
  }
}
