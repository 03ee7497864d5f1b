/** What is to be done about the engine's process, decided from its record, its inputs and whether it lives. */
import { type EngineSettings, isLoopback } from "../../engine/contract/config.ts";
import { changedKeys, isEqual, type PropertyMap } from "./property-values.ts";
import type { SupervisorRecord } from "./supervisor-record.ts";

export interface ProcessInputs {
  home: string;
  host: string;
  ports: { main: number; ollama: number };
  config: EngineSettings;
  /** Another version is another program: it replaces the process. */
  engineVersion: string;
}

export interface ProcessDiff {
  changes: boolean;
  replaces: string[];
}

/** A change of these is another process; `config` is changed in the one that runs. */
const replacing = ["home", "host", "ports", "engineVersion"] as const;

/** A dead process is replaced, so that a plain `up` mends what died. */
export function planDiff(olds: PropertyMap, news: PropertyMap, alive: boolean): ProcessDiff {
  const replaces = changedKeys(olds, news, replacing);
  if (!alive) replaces.push("pid");
  const changes = replaces.length > 0 || changedKeys(olds, news, ["config"]).length > 0;
  return { changes, replaces };
}

export type StartPlan =
  /** Nothing of ours is there. */
  | { do: "start" }
  /** An earlier `up` got this far: the process is as wanted. */
  | { do: "adopt"; record: SupervisorRecord }
  /** Ours, but not as wanted, or an engine that lost its supervisor. */
  | { do: "stop-first"; record: SupervisorRecord }
  | { do: "refuse"; why: string };

/** What creating means where `record` was found; `found` says what of it is alive and whether its settings are the wanted ones. */
export function planStart(
  record: SupervisorRecord | undefined,
  found: { supervisor: boolean; engine: boolean; sameSettings: boolean },
  wanted: Omit<ProcessInputs, "config">,
  owner: string,
): StartPlan {
  if (record === undefined || !(found.supervisor || found.engine)) return { do: "start" };
  if (found.supervisor && record.owner !== owner) {
    const why =
      `${record.home} already holds the running engine of stack ${record.owner} (process ${record.supervisor.pid}). ` +
      "Take that stack down first, or give this one a home of its own with ECHORATOR_HOME.";
    return { do: "refuse", why };
  }
  const asWanted =
    found.supervisor &&
    found.sameSettings &&
    record.state === "running" &&
    record.host === wanted.host &&
    isEqual(record.ports, wanted.ports) &&
    record.engineVersion === wanted.engineVersion;
  return asWanted ? { do: "adopt", record } : { do: "stop-first", record };
}

/** `project/stack` of a urn. */
export function ownerOf(urn: string): string {
  const [stack = "", project = ""] = urn.replace(/^urn:pulumi:/, "").split("::");
  return `${project}/${stack}`;
}

/** Where a client on this machine reaches `port` of an engine that listens on `host`. */
export function toUrl(host: string, port: number): string {
  const everywhere = host === "0.0.0.0" || host === "::" || host === "[::]";
  const name = everywhere ? "127.0.0.1" : host;
  return `http://${name.includes(":") && !name.startsWith("[") ? `[${name}]` : name}:${port}`;
}

/** engine.yaml of the home. JSON is YAML, and needs no second writer. */
export function renderEngineConfig(inputs: ProcessInputs): string {
  const { host, ports, config } = inputs;
  return `${JSON.stringify({ host, ports, ...config }, null, 2)}\n`;
}

/** Top-level settings that are in `olds` and no longer in `news`, or were inside one of them: no patch can say "absent". */
export function removedSettings(olds: PropertyMap, news: PropertyMap): string[] {
  return Object.entries(olds).flatMap(([key, old]) => {
    const now = news[key];
    if (now === undefined) return [key];
    if (!isMap(old) || !isMap(now)) return [];
    return Object.keys(old)
      .filter(inner => now[inner] === undefined)
      .map(inner => `${key}.${inner}`);
  });
}

function isMap(value: unknown): value is PropertyMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The sentence for a port that someone else has, with the line to change. */
export function describePortInUse(
  port: { name: "main" | "ollama"; number: number; host: string },
  holder: string | undefined,
  place: { home: string; stack: string },
): string {
  const who = holder === undefined ? "another process" : holder;
  const where = isLoopback(port.host) ? "" : ` of ${port.host}`;
  return (
    `port ${port.number}${where} is in use by ${who}. End it, or write another port as ` +
    `echorator:ports.${port.name} in ${place.home}/Pulumi.${place.stack}.yaml: ` +
    `npm run config -- set${place.stack === "local" ? "" : ` --stack ${place.stack}`} --path echorator:ports.${port.name} ${port.number + 1}`
  );
}
