/** What one kind of local resource can do; the provider deals with tags, cancellation and the wire. */
import type { PropertyMap } from "./property-values.ts";

export interface CheckFailure {
  property: string;
  reason: string;
}

export interface Diff {
  changes: boolean;
  replaces?: string[];
}

export interface Call {
  urn: string;
  /** Aborts when the deployment is cancelled while the call runs. */
  signal: AbortSignal;
  /** For the status column of the display. */
  status(message: string): void;
  /** Stays on the screen. */
  warn(message: string): void;
}

/** Thrown by create or update: the resource exists, but is not as it should be; the next `up` updates it. */
export class HalfMadeError extends Error {
  override readonly name = "HalfMadeError";
  readonly id: string;
  /** Outputs besides the inputs. */
  readonly outputs: PropertyMap;

  constructor(id: string, outputs: PropertyMap, message: string) {
    super(message);
    this.id = id;
    this.outputs = outputs;
  }
}

/** Inputs and state come without tags; state holds the inputs and the outputs. */
export interface LocalResource {
  /** Names of the inputs; everything else in a state is an output. */
  readonly inputs: readonly string[];
  /** `olds` are the inputs of the state, absent for what is new. Unknown inputs are not checked. */
  check(call: Call, olds: PropertyMap | undefined, news: PropertyMap): Promise<CheckFailure[]>;
  /** Must not fail because something is down: that is a difference. */
  diff(call: Call, id: string, olds: PropertyMap, news: PropertyMap): Promise<Diff>;
  create(call: Call, news: PropertyMap): Promise<{ id: string; outputs: PropertyMap }>;
  /** The state as it is found; undefined when it is gone. */
  read(call: Call, id: string, state: PropertyMap): Promise<PropertyMap | undefined>;
  update(call: Call, id: string, olds: PropertyMap, news: PropertyMap): Promise<PropertyMap>;
  delete(call: Call, id: string, state: PropertyMap): Promise<void>;
}
