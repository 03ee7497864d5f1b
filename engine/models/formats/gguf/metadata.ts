/** Reads the keys of a GGUF header: small values are kept, long arrays are counted and passed over. */
import { limits } from "../../../contract/limits.ts";
import { type Cursor, readBytes, readCount, readUint32 } from "./cursor.ts";
import { type ValueType, valueBytes, valueTypes } from "./tables.ts";

export type Scalar = string | number | bigint | boolean;

export interface MetadataValue {
  type: ValueType;
  /** Undefined of arrays, and of strings too long to be kept. */
  value: Scalar | undefined;
  /** Of arrays. */
  of: ValueType | undefined;
  length: number | undefined;
  /** The items of a short array of numbers. */
  items: readonly Scalar[] | undefined;
}

export type Metadata = ReadonlyMap<string, MetadataValue>;

export const tokensKey = "tokenizer.ggml.tokens";

/** Longest key, and what of the values is held in memory: the format's own bound, then ours. */
const keyBytesMax = 65_535;
const keptStringBytesMax = 1024 * 1024;
const keptBytesMax = 16 * 1024 * 1024;
const keptItemsMax = 1024;

interface Budget {
  keptBytes: number;
}

export async function readMetadata(cursor: Cursor, count: number): Promise<Metadata> {
  const metadata = new Map<string, MetadataValue>();
  const budget: Budget = { keptBytes: 0 };
  for (let index = 0; index < count; index++) {
    const at = cursor.position();
    const key = (await readBytes(cursor, `key ${index + 1} of ${count}`, keyBytesMax)).toString();
    if (key === "") throw cursor.wrong(`key ${index + 1} of ${count} at byte ${at} is empty`);
    if (metadata.has(key)) throw cursor.wrong(`the key "${shorten(key)}" stands in it twice`);
    metadata.set(key, await readValue(cursor, key, budget));
  }
  return metadata;
}

async function readValue(cursor: Cursor, key: string, budget: Budget): Promise<MetadataValue> {
  const what = `the value of "${shorten(key)}"`;
  const type = await readType(cursor, what);
  const none = { of: undefined, length: undefined, items: undefined };
  if (type === "string") return { type, value: await readString(cursor, what, budget), ...none };
  if (type !== "array") return { type, value: await readScalar(cursor, type, what), ...none };
  const of = await readType(cursor, `the item type of ${what}`);
  const length = await readCount(cursor, `the length of ${what}`, limits.ggufArrayLengthMax);
  const array = { type, of, length, value: undefined };
  if (of === "array") throw cursor.wrong(`${what} is an array of arrays, which no model has`);
  if (of === "string") {
    await passStrings(cursor, key, length, what);
    return { ...array, items: undefined };
  }
  if (length > keptItemsMax) {
    cursor.skip(length * valueBytes[of], what);
    return { ...array, items: undefined };
  }
  const items: Scalar[] = [];
  while (items.length < length) items.push(await readScalar(cursor, of, what));
  return { ...array, items };
}

async function readType(cursor: Cursor, what: string): Promise<ValueType> {
  const at = cursor.position();
  const number = await readUint32(cursor, `the type of ${what}`);
  const type = valueTypes[number];
  if (type === undefined)
    throw cursor.wrong(`${what} has the unknown type ${number} at byte ${at}`);
  return type;
}

async function readString(
  cursor: Cursor,
  what: string,
  budget: Budget,
): Promise<string | undefined> {
  const bytes = await readBytes(cursor, what, limits.ggufStringBytesMax);
  const total = budget.keptBytes + bytes.length;
  if (bytes.length > keptStringBytesMax || total > keptBytesMax) return undefined;
  budget.keptBytes = total;
  return bytes.toString();
}

/** Passes over an array of strings; the vocabulary is looked at, because llama.cpp aborts its process on a repeated token. */
async function passStrings(
  cursor: Cursor,
  key: string,
  length: number,
  what: string,
): Promise<void> {
  const seen = key === tokensKey ? new Set<string>() : undefined;
  if (seen !== undefined && length > limits.ggufVocabularyMax)
    throw cursor.wrong(
      `its vocabulary has ${length} tokens, and at most ${limits.ggufVocabularyMax} are believed`,
    );
  for (let index = 0; index < length; index++) {
    // Millions of strings: nothing is awaited that is in the window already.
    const head = cursor.need(8, what);
    if (head !== undefined) await head;
    const bytes = Number(cursor.take(8).readBigUInt64LE());
    if (bytes > limits.ggufStringBytesMax)
      throw cursor.wrong(`item ${index} of ${what} claims to be a string of ${bytes} bytes`);
    if (seen === undefined) {
      cursor.skip(bytes, what);
      continue;
    }
    const body = cursor.need(bytes, what);
    if (body !== undefined) await body;
    // Latin-1 keeps bytes apart that are no valid UTF-8.
    const token = cursor.take(bytes).toString("latin1");
    if (token !== "" && seen.has(token))
      throw cursor.wrong(`token ${index} of its vocabulary stands in it twice`);
    seen.add(token);
  }
}

async function readScalar(
  cursor: Cursor,
  type: Exclude<ValueType, "string" | "array">,
  what: string,
): Promise<Scalar> {
  const more = cursor.need(valueBytes[type], what);
  if (more !== undefined) await more;
  const bytes = cursor.take(valueBytes[type]);
  switch (type) {
    case "uint8":
      return bytes.readUInt8();
    case "int8":
      return bytes.readInt8();
    case "uint16":
      return bytes.readUInt16LE();
    case "int16":
      return bytes.readInt16LE();
    case "uint32":
      return bytes.readUInt32LE();
    case "int32":
      return bytes.readInt32LE();
    case "float32":
      return bytes.readFloatLE();
    case "float64":
      return bytes.readDoubleLE();
    case "bool":
      return bytes.readUInt8() !== 0;
    case "uint64":
      return toSafe(bytes.readBigUInt64LE());
    case "int64":
      return toSafe(bytes.readBigInt64LE());
  }
}

function toSafe(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Text of a file for a message: short, and nothing that moves a terminal's cursor. */
export function shorten(text: string): string {
  const plain = text.replace(/\p{C}/gu, "?");
  return plain.length > 80 ? `${plain.slice(0, 80)}…` : plain;
}
