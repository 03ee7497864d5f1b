/** What to do about a wanted model, decided from what is so: pure, so that every case can be tested. */
import { isDeepStrictEqual } from "node:util";
import { EngineError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import {
  answersTo,
  clusterOnlyFields,
  type ModelOwner,
  type ModelRecord,
  type ModelSpec,
  type ModelState,
  withoutLatest,
} from "../../contract/model.ts";

/** What decisions need to know of a served model. */
export interface KnownModel {
  readonly spec: ModelSpec;
  readonly owner: ModelOwner;
  readonly state: ModelState;
}

/** nothing: it is so already · join: it is becoming so · relabel: no new weights are needed · load: fetch, check and load. */
export type Change = "nothing" | "join" | "relabel" | "load";

/** Fields that the loaded model does not depend on. */
const labels = [
  ...(["aliases", "required", "keys", "memory"] as const),
  ...clusterOnlyFields,
] satisfies (keyof ModelSpec)[];

/**
 * What makes `wanted` so.
 * @throws EngineError owned_by_stack, conflict
 */
export function planApply(
  known: readonly KnownModel[],
  wanted: ModelSpec,
  owner: ModelOwner,
): Change {
  const current = known.find(model => model.spec.name === wanted.name);
  refuseForeign(current, wanted, owner);
  refuseTakenNames(known, wanted);
  if (current === undefined) {
    if (known.length >= limits.modelsMax)
      throw new EngineError(
        "conflict",
        `This engine knows ${known.length} models and takes no more.`,
        {
          remedy: "Remove a model first.",
        },
      );
    return "load";
  }
  if (!isDeepStrictEqual(withoutLabels(current.spec), withoutLabels(wanted))) return "load";
  if (current.state === "failed" || current.state === "unloaded") return "load";
  if (current.state !== "ready") return "join";
  const isSame = isDeepStrictEqual(current.spec, wanted) && rank(current.owner) >= rank(owner);
  return isSame ? "nothing" : "relabel";
}

/** What a stack wants stays the stack's, whoever asks for the same. */
export function ownerAfter(current: ModelOwner | undefined, by: ModelOwner): ModelOwner {
  return current !== undefined && rank(current) > rank(by) ? current : by;
}

function rank(owner: ModelOwner): number {
  return owner === "stack" ? 1 : 0;
}

function refuseForeign(
  current: KnownModel | undefined,
  wanted: ModelSpec,
  owner: ModelOwner,
): void {
  if (current === undefined || rank(owner) >= rank(current.owner)) return;
  if (!isDeepStrictEqual(current.spec, wanted)) throw ownedByStack(wanted.name, "changed");
}

export function ownedByStack(name: string, what: "changed" | "removed"): EngineError {
  return new EngineError(
    "owned_by_stack",
    `The model "${name}" belongs to the stack, so it is not ${what} here.`,
    {
      remedy:
        what === "removed"
          ? "Remove it from `echorator:models` in the stack file and run `npm run up`."
          : "Change it under `echorator:models` in the stack file and run `npm run up`.",
    },
  );
}

function refuseTakenNames(known: readonly KnownModel[], wanted: ModelSpec): void {
  for (const name of namesOf(wanted)) {
    const other = known.find(
      model => model.spec.name !== wanted.name && answersTo(model.spec, name),
    );
    if (other === undefined) continue;
    throw new EngineError(
      "conflict",
      `The name "${name}" belongs to the model "${other.spec.name}".`,
      {
        field: name === wanted.name ? "name" : "aliases",
        remedy: "Choose another name, or remove that model first.",
      },
    );
  }
}

function namesOf(spec: ModelSpec): string[] {
  return [spec.name, ...spec.aliases].map(withoutLatest);
}

function withoutLabels(spec: ModelSpec): Partial<ModelSpec> {
  const rest: Partial<ModelSpec> = { ...spec };
  for (const label of labels) delete rest[label];
  return rest;
}

/** A model to be restored when the engine starts. */
export interface Restored extends ModelRecord {
  /** A stack's model is loaded again; a client's waits on disk for its next request. */
  load: boolean;
  /** Whether readiness waits for it. */
  gate: boolean;
}

/** Configuration first and recorded models behind it, required ones before others; recorded ones that contradict it are left out. */
export function planRestore(
  configured: readonly ModelSpec[],
  recorded: readonly ModelRecord[],
): { restored: Restored[]; dropped: { name: string; why: string }[] } {
  const accepted: ModelRecord[] = configured.map(spec => ({ spec, owner: "stack" }));
  const dropped: { name: string; why: string }[] = [];
  for (const record of recorded) {
    const known = accepted.map(model => ({ ...model, state: "pending" as const }));
    const { name } = record.spec;
    if (accepted.some(model => model.spec.name === name)) {
      dropped.push({ name, why: "the configuration has a model of this name" });
      continue;
    }
    try {
      planApply(known, record.spec, record.owner);
      accepted.push(record);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      dropped.push({ name, why: error.message });
    }
  }
  const restored = accepted.map(({ spec, owner }) => {
    const isStacks = owner === "stack";
    return { spec, owner, load: isStacks, gate: isStacks && spec.required };
  });
  return { restored: restored.sort((a, b) => Number(b.gate) - Number(a.gate)), dropped };
}

/** What of the served models stands in models.json: all but what the configuration says already. */
export function toRecord(
  served: readonly ModelRecord[],
  configured: readonly ModelSpec[],
): ModelRecord[] {
  return served
    .filter(({ spec }) => !configured.some(known => isDeepStrictEqual(known, spec)))
    .map(({ spec, owner }) => ({ spec, owner }))
    .sort((a, b) => (a.spec.name < b.spec.name ? -1 : 1));
}
