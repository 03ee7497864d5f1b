/** Which place a command line means: an engine's URL, a stack, a cluster, or the engine of this machine. */
import { join } from "node:path";
import { defaultPorts } from "../contract/endpoints.ts";
import type { OptionValues } from "./command.ts";
import { createEngineClient } from "./engine-client.ts";
import type { Place } from "./place.ts";
import { createEnginePlace } from "./places/engine-place.ts";
import { createStackPlace } from "./places/stack-place.ts";
import { createConfigure } from "./run-configure.ts";
import { sendByHttp } from "./send-http.ts";

export interface PlaceOptions {
  options: OptionValues;
  environment: Readonly<Record<string, string | undefined>>;
  userHome: string;
  /** Folder of the checkout or package. */
  root: string;
  /** The admin key of this machine's engine. */
  homeKey: () => string | undefined;
  readFile: (path: string) => Promise<string>;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

export type Choice =
  | { kind: "engine"; url: string; isOwn: boolean }
  | { kind: "stack"; stack: string }
  | { kind: "cluster"; kubeconfig: string };

/** What was said wins over what is there: options, then the environment, then files. */
export function choosePlace(
  options: OptionValues,
  environment: PlaceOptions["environment"],
  found: { kubeconfig: string | undefined },
): Choice {
  const text = (value: OptionValues[string]) => (typeof value === "string" ? value : undefined);
  const own: Choice = { kind: "engine", url: `http://127.0.0.1:${defaultPorts.main}`, isOwn: true };
  const stack = text(options.stack);
  const url = text(options.url);
  const kubeconfig = text(options.kubeconfig);
  if (url !== undefined) return { kind: "engine", url, isOwn: false };
  if (stack !== undefined) return { kind: "stack", stack };
  if (kubeconfig !== undefined) return { kind: "cluster", kubeconfig };
  if (environment.KOLLAMA_URL)
    return { kind: "engine", url: environment.KOLLAMA_URL, isOwn: false };
  if (environment.KUBECONFIG) return { kind: "cluster", kubeconfig: environment.KUBECONFIG };
  return found.kubeconfig === undefined ? own : { kind: "cluster", kubeconfig: found.kubeconfig };
}

export async function openPlace(given: PlaceOptions): Promise<Place> {
  const { options, environment, sleep } = given;
  const usual = join(given.userHome, ".kube", "config");
  const found = await given.readFile(usual).then(
    () => usual,
    () => undefined,
  );
  const choice = choosePlace(options, environment, { kubeconfig: found });
  const key = typeof options.key === "string" ? options.key : environment.KOLLAMA_KEY;
  switch (choice.kind) {
    case "engine": {
      const url = choice.url.replace(/\/+$/, "");
      const ownKey = choice.isOwn ? given.homeKey() : undefined;
      const client = createEngineClient(`engine ${url}`, sendByHttp(url), key ?? ownKey);
      return createEnginePlace({ client, sleep });
    }
    case "stack":
      return createStackPlace({
        stack: choice.stack,
        configure: createConfigure(given.root, choice.stack, environment),
        openEngine: url =>
          createEngineClient(`engine ${url}`, sendByHttp(url), key ?? given.homeKey()),
      });
    case "cluster":
      return await openCluster(given, choice.kubeconfig, key);
  }
}

async function openCluster(
  { options, environment, readFile }: PlaceOptions,
  path: string,
  key: string | undefined,
): Promise<Place> {
  const { connectionFromKubeconfig } = await import("../kubernetes/connection.ts");
  const { createCluster } = await import("../kubernetes/client.ts");
  const { createClusterPlace } = await import("./places/cluster-place.ts");
  const context = typeof options.context === "string" ? { context: options.context } : {};
  const text = await readFile(path);
  const cluster = createCluster(connectionFromKubeconfig({ text, ...context, environment }), {});
  const namespace = typeof options.namespace === "string" ? options.namespace : "echorator";
  const installation =
    typeof options.installation === "string" ? options.installation : "echorator";
  return createClusterPlace({ cluster, namespace, installation, key });
}
