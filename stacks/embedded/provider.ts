/** What the engine asks of a resource provider, whether it is a plugin in a process of its own or a recording one in a test. */
import type { Properties } from "./values.ts";

export interface CheckFailure {
  property: string;
  reason: string;
}

export interface Diff {
  /** "unknown" leaves it to the engine, which compares the inputs. */
  changes: "none" | "some" | "unknown";
  replaces: string[];
  deleteBeforeReplace: boolean;
}

export interface Existing {
  urn: string;
  id: string;
  inputs: Properties;
  outputs: Properties;
}

export interface Change extends Existing {
  news: Properties;
}

export interface ReadResult {
  /** Empty when the resource is gone. */
  id: string;
  inputs: Properties | undefined;
  outputs: Properties;
}

export interface ResourceProvider {
  /** Whether create and update may be called in a preview, to learn outputs without doing anything. */
  configure(variables: Properties): Promise<{ supportsPreview: boolean }>;
  check(request: {
    urn: string;
    olds: Properties;
    news: Properties;
  }): Promise<{ inputs: Properties; failures: CheckFailure[] }>;
  diff(request: Change): Promise<Diff>;
  create(request: {
    urn: string;
    inputs: Properties;
    preview: boolean;
  }): Promise<{ id: string; outputs: Properties }>;
  read(request: Existing): Promise<ReadResult>;
  update(request: Change & { preview: boolean }): Promise<{ outputs: Properties }>;
  delete(request: Existing): Promise<void>;
  /** Asks for an early end of what is running. */
  cancel(): Promise<void>;
  close(): Promise<void>;
}

/** The resource exists but did not come up: it is kept, with the reasons, and the next deployment updates it. */
export class UnfinishedResource extends Error {
  readonly id: string;
  readonly outputs: Properties;
  readonly reasons: string[];

  constructor(message: string, id: string, outputs: Properties, reasons: string[]) {
    super(message);
    this.id = id;
    this.outputs = outputs;
    this.reasons = reasons.length > 0 ? reasons : [message];
  }
}
