/** EnginePool: the engines that serve a stack's models. */
import { type ComponentResourceOptions, type Input, type Output, output } from "@pulumi/pulumi";
import type { EngineConfig, EngineSettings } from "../engine/contract/config.ts";
import { EchoComponent } from "./component.ts";
import { toUrl } from "./local/process-plan.ts";
import { Process } from "./local/resources.ts";

export interface EnginePoolArgs {
  /** Absolute path of the folder for everything that is kept. */
  home: string;
  /** Where the engine listens. */
  listen: Pick<EngineConfig, "host" | "ports">;
  /** May hold secrets. */
  settings: Input<EngineSettings>;
  /** Of the program; another version replaces the engine. */
  version: string;
}

/** How a Model reaches the pool that serves it. */
export interface PoolHandle {
  target: "process";
  home: string;
  endpoint: string;
  /** Changes when the engine is another one. */
  instance: Output<string>;
}

/**
 * One engine on this machine (`target: process`), as a supervised background process. A cluster's pool is `ClusterPool`.
 * Cost: nothing beyond the machine's memory and cores.
 */
export class EnginePool extends EchoComponent {
  readonly handle: PoolHandle;
  /** Known before anything runs, so that no output depends on a live engine. */
  readonly endpoints: { main: string; ollama: string };

  constructor(name: string, args: EnginePoolArgs, options?: ComponentResourceOptions) {
    super("EnginePool", name, options);
    const { home, listen, version } = args;
    this.endpoints = planEndpoints(listen);
    const config = output(args.settings);
    const process = new Process(
      this.childName("process"),
      { home, ...listen, config, engineVersion: version },
      this.childOptions(),
    );
    const { instance } = process;
    this.handle = { target: "process", home, endpoint: this.endpoints.main, instance };
    this.registerOutputs({ endpoints: this.endpoints });
  }
}

function planEndpoints({ host, ports }: Pick<EngineConfig, "host" | "ports">): {
  main: string;
  ollama: string;
} {
  return { main: toUrl(host, ports.main), ollama: toUrl(host, ports.ollama) };
}
