/** The composition root: which role runs in this process. Each role is a file of its own, and loads only what it needs. */
import type { LocalModelsOptions } from "./roles/local-models.ts";
import type { Running } from "./roles/running.ts";

export interface AppOptions extends LocalModelsOptions {
  /** The home's admin key; roles that answer people know its digest. */
  adminKey: string;
  /** Of the installation's workers, for those who ask them and those who are asked. */
  workerKey: string | undefined;
}

/** Resolves when requests can be answered. */
export async function createApp(options: AppOptions): Promise<Running> {
  switch (options.config.role) {
    case "all":
      return (await import("./roles/all.ts")).startAll(options);
    case "worker":
      return (await import("./roles/worker.ts")).startWorker(options);
    case "gateway":
      return (await import("./roles/gateway.ts")).startGateway(options);
    case "operator":
      return (await import("./roles/operator.ts")).startOperator(options);
  }
}
