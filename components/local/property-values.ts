/** Property values as Pulumi sends them to a provider: plain JSON in which secrets, outputs and unknowns are tagged. */
import type { JsonValue } from "../../engine/contract/chat.ts";

/** Marks an object as a tagged value; which tag it is follows under the same key. The embedded engine has it from here. */
export const signatureKey = "4dabf18193072939515e22adb298388d";
export const secretTag = "1b47061264138c4ac30d75fd1eb44270";
export const outputTag = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
/** Stands for a value that a preview cannot know yet. */
export const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export type PropertyMap = { [key: string]: JsonValue };

/** `value` without its tags, to be used here and never to be given back. */
export function unwrap(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(unwrap);
  if (value === null || typeof value !== "object") return value;
  const tag = value[signatureKey];
  if (tag === secretTag) return unwrap(value.value ?? null);
  if (tag === outputTag) return unwrap(value.value ?? unknownValue);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unwrap(inner)]));
}

/** Whether the value as a whole is a secret. */
export function isSecret(value: JsonValue | undefined): boolean {
  return (
    isMap(value) &&
    (value[signatureKey] === secretTag || (signatureKey in value && value.secret === true))
  );
}

export function toSecret(value: JsonValue): JsonValue {
  return { [signatureKey]: secretTag, value };
}

function isMap(value: JsonValue | undefined): value is PropertyMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function unwrapMap(map: PropertyMap): PropertyMap {
  return unwrap(map) as PropertyMap;
}

/** Whether any part of an unwrapped value is not known yet. */
export function hasUnknown(value: JsonValue): boolean {
  if (value === unknownValue) return true;
  if (value === null || typeof value !== "object") return false;
  return Object.values(value).some(hasUnknown);
}

/** The names in `keys` whose values differ, tags aside. */
export function changedKeys(
  olds: PropertyMap,
  news: PropertyMap,
  keys: readonly string[],
): string[] {
  return keys.filter(key => !isEqual(olds[key], news[key]));
}

/** Deep equality of JSON; the order of an object's keys does not count. */
export function isEqual(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  return canonical(left) === canonical(right);
}

function canonical(value: JsonValue | undefined): string {
  return JSON.stringify(value, (_key, inner: JsonValue) => {
    if (inner === null || typeof inner !== "object" || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
