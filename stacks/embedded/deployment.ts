/** What the parts of one deployment share: where it is, what exists, who provides, who is told. */
import { EngineError } from "../../engine/contract/errors.ts";
import { createGate, type Gate, Stopped } from "./gate.ts";
import type { Providers } from "./providers.ts";
import type { ResourceState } from "./resource.ts";
import type { Show } from "./show.ts";
import type { Snapshot } from "./snapshot.ts";

export type Command = "up" | "preview" | "refresh" | "down";

export interface Deployment {
  project: string;
  stack: string;
  isPreview: boolean;
  snapshot: Snapshot;
  providers: Providers;
  gate: Gate;
  show: Show;
  now(): string;
  /** URNs whose last operation was cut off before its end was recorded. */
  interrupted: Set<string>;
  /** Reports an error once and stops the deployment; what runs is finished, nothing begins. */
  fail(error: unknown, urn?: string): void;
  hasFailed(): boolean;
}

export function createDeployment(
  options: Omit<Deployment, "fail" | "hasFailed" | "gate"> & { parallel: number },
): Deployment {
  const gate = createGate(options.parallel);
  const reported = new Set<unknown>();
  return {
    ...options,
    gate,
    fail: (error, urn) => {
      if (!(error instanceof Stopped) && !reported.has(error)) {
        options.show.log("error", toSentence(error), urn);
      }
      reported.add(error);
      gate.stop();
    },
    hasFailed: () => reported.size > 0,
  };
}

/** What the user reads of an error: our own with its remedy, a provider's in its words. */
export function toSentence(error: unknown): string {
  if (error instanceof EngineError) return `${error.message}. ${error.remedy}`;
  return error instanceof Error ? error.message : String(error);
}

/** Refuses what this engine was not made for, by its name. */
export function refuse(what: string): never {
  throw new EngineError("unsupported", `the embedded deployment engine has no ${what}`, {
    remedy:
      "Install the Pulumi CLI (https://www.pulumi.com/docs/install/), which `npm run up` then uses.",
  });
}

/** What is protected is neither deleted nor replaced, whoever asks. */
export function protectedError(resource: ResourceState, what: string): EngineError {
  return new EngineError("conflict", `${resource.urn} is protected and would be ${what}`, {
    remedy: "Remove `protect` from it and run `npm run up` first, if that is what you want.",
  });
}
