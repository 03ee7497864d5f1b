/** Property values as they cross Pulumi's wires: plain JSON in which secrets, unknowns and references carry tags. */
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import {
  outputTag,
  secretTag,
  signatureKey,
  unknownValue,
} from "../../components/local/property-values.ts";

export type Value = null | boolean | number | string | Value[] | Properties;
export interface Properties {
  [key: string]: Value;
}

/** What stands where a value will only be known after the deployment. */
export const unknown = unknownValue;

const signatures = {
  secret: secretTag,
  output: outputTag,
  asset: "c44067f5952c0a294b673a41bacd8c17",
  archive: "0def7320c3a5731c473e5ecbe6d01bc7",
} as const;
type Tag = keyof typeof signatures;

export function isObject(value: Value | undefined): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasTag(value: Value | undefined, tag: Tag): value is Properties {
  return isObject(value) && value[signatureKey] === signatures[tag];
}

interface Secret extends Properties {
  value: Value;
}

export function isSecret(value: Value | undefined): value is Secret {
  return hasTag(value, "secret");
}

export function toSecret(value: Value): Value {
  return isSecret(value) ? value : { [signatureKey]: signatures.secret, value };
}

/** A secret as it is stored. */
export function toCiphertext(ciphertext: string): Value {
  return { [signatureKey]: signatures.secret, ciphertext };
}

/** The same value with `change` applied to what is innermost first. */
export function mapValue(value: Value, change: (value: Value) => Value): Value {
  if (Array.isArray(value)) return change(value.map(item => mapValue(item, change)));
  if (isObject(value)) return change(mapProperties(value, change));
  return change(value);
}

function mapProperties(properties: Properties, change: (value: Value) => Value): Properties {
  const entries = Object.entries(properties);
  return Object.fromEntries(entries.map(([key, value]) => [key, mapValue(value, change)]));
}

function someValue(value: Value, test: (value: Value) => boolean): boolean {
  if (test(value)) return true;
  if (Array.isArray(value)) return value.some(item => someValue(item, test));
  return isObject(value) && Object.values(value).some(item => someValue(item, test));
}

export function hasUnknown(value: Value): boolean {
  return someValue(value, item => item === unknown);
}

export function hasAsset(value: Value): boolean {
  return someValue(value, item => hasTag(item, "asset") || hasTag(item, "archive"));
}

/** Without the tags of secrets: for comparing, and for those who may see them. */
export function withoutSecrets(value: Value): Value {
  return mapValue(value, item => (isSecret(item) ? (item.value ?? null) : item));
}

/** Output values (a value with its dependencies) become what they hold: the engine knows the dependencies from elsewhere. */
export function withoutOutputs(properties: Properties): Properties {
  return mapProperties(properties, item => {
    if (!hasTag(item, "output")) return item;
    const value = item.value === undefined ? unknown : item.value;
    return item.secret === true ? toSecret(value) : value;
  });
}

/** Deep equality that takes a secret for the value it hides. */
export function isSame(one: Value | undefined, other: Value | undefined): boolean {
  return isEqual(withoutSecrets(one ?? null), withoutSecrets(other ?? null));
}

/** Deep equality in which a secret differs from the same value in clear. */
export function isIdentical(one: unknown, other: unknown): boolean {
  return isEqual(one as Value, other as Value);
}

function isEqual(one: Value, other: Value): boolean {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, i) => isEqual(item, other[i] ?? null));
  }
  if (!isObject(one) || !isObject(other)) return false;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every(key => key in other && isEqual(one[key] ?? null, other[key] ?? null))
  );
}

/** Outputs in which every property is secret that was secret as an input, or that the program named. */
export function keepSecret(outputs: Properties, inputs: Properties, named: string[]): Properties {
  const hidden = new Set([...named, ...Object.keys(inputs).filter(key => isSecret(inputs[key]))]);
  const entries = Object.entries(outputs);
  return Object.fromEntries(
    entries.map(([key, value]) => [key, hidden.has(key) ? toSecret(value) : value]),
  );
}

export function toStruct(properties: Properties): struct.Struct {
  return struct.Struct.fromJavaScript(properties);
}

export function fromStruct(message: struct.Struct | undefined): Properties {
  return (message?.toJavaScript() ?? {}) as Properties;
}
