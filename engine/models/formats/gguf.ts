/** Reads and checks the header of a GGUF file, so that native code never sees one that lies. */
import { open } from "node:fs/promises";
import { EngineError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { ModelFacts } from "../../contract/model.ts";
import { type Adapter, checkAdapter } from "./gguf/adapter.ts";
import {
  type ByteReader,
  type Cursor,
  createCursor,
  readCount,
  readUint32,
} from "./gguf/cursor.ts";
import { type Metadata, readMetadata, shorten } from "./gguf/metadata.ts";
import { checkRequirements, type Requirements } from "./gguf/requirements.ts";
import { fileTypes } from "./gguf/tables.ts";
import { align, checkLayout, readTensors, type TensorInfo } from "./gguf/tensors.ts";

/** What every GGUF file has in front. */
interface GgufFront {
  version: number;
  /** Of the whole file. */
  bytes: number;
  alignment: number;
  metadata: Metadata;
  tensors: readonly TensorInfo[];
  /** Where the tensors' data begins. */
  dataOffset: number;
}

export interface GgufHeader extends GgufFront {
  requirements: Requirements;
}

export interface AdapterHeader extends GgufFront {
  adapter: Adapter;
}

/**
 * The header of the file at `path`, every part of it checked.
 * @throws EngineError invalid_model_file that names the byte or the tensor.
 */
export function readGgufHeader(path: string): Promise<GgufHeader> {
  return withFile(path, readHeader);
}

/** The same of a LoRA adapter. */
export function readAdapterFile(path: string): Promise<AdapterHeader> {
  return withFile(path, readAdapterHeader);
}

async function withFile<T>(path: string, use: (reader: ByteReader) => Promise<T>): Promise<T> {
  const file = await open(path, "r").catch((cause: Error) => {
    throw new EngineError("invalid_config", `The model file ${path} cannot be read.`, { cause });
  });
  try {
    const { size } = await file.stat();
    return await use({
      label: path,
      bytes: size,
      read: async (target, position) =>
        (await file.read(target, 0, target.length, position)).bytesRead,
    });
  } finally {
    await file.close();
  }
}

/** The same from anything that has bytes. */
export async function readHeader(reader: ByteReader): Promise<GgufHeader> {
  const { cursor, front } = await readFront(reader);
  const requirements = checkRequirements(cursor, front.metadata, front.tensors);
  return { ...front, requirements };
}

export async function readAdapterHeader(reader: ByteReader): Promise<AdapterHeader> {
  const { cursor, front } = await readFront(reader);
  return { ...front, adapter: checkAdapter(cursor, front.metadata, front.tensors) };
}

async function readFront(reader: ByteReader): Promise<{ cursor: Cursor; front: GgufFront }> {
  const cursor = createCursor(reader);
  const version = await readVersion(cursor);
  const tensorCount = await readCount(cursor, "the number of tensors", limits.ggufTensorsMax);
  const keyCount = await readCount(cursor, "the number of keys", limits.ggufKeysMax);
  const metadata = await readMetadata(cursor, keyCount);
  const alignment = toAlignment(cursor, metadata);
  const tensors = await readTensors(cursor, tensorCount);
  const dataOffset = align(cursor.position(), alignment);
  checkLayout(cursor, tensors, dataOffset, alignment);
  const front = { version, bytes: cursor.bytes, alignment, metadata, tensors, dataOffset };
  return { cursor, front };
}

async function readVersion(cursor: Cursor): Promise<number> {
  if (cursor.bytes < 24) throw cursor.wrong(`it has ${cursor.bytes} bytes, less than any header`);
  await cursor.need(4, "the mark of the format");
  const magic = cursor.take(4).toString("latin1");
  if (magic !== "GGUF")
    throw cursor.wrong(
      `it begins with "${shorten(magic)}" where "GGUF" should stand`,
      "Name a GGUF file as `source`; weights in other formats have to be converted first.",
    );
  const version = await readUint32(cursor, "the version of the format");
  if (version === 2 || version === 3) return version;
  const swapped = version % 65_536 === 0 ? " (its bytes are in big-endian order)" : "";
  throw cursor.wrong(`it is of version ${version}${swapped}, and 2 and 3 are read here`);
}

function toAlignment(cursor: Cursor, metadata: Metadata): number {
  const entry = metadata.get("general.alignment");
  if (entry === undefined) return 32;
  const { value } = entry;
  const isPower = typeof value === "number" && value > 0 && Number.isInteger(Math.log2(value));
  if (entry.type === "uint32" && isPower) return value;
  throw cursor.wrong(
    `"general.alignment" is ${shorten(String(value))} (${entry.type}), not a power of two in a uint32`,
  );
}

/** What the header says of the model, as the contract has it. */
export function toModelFacts(
  header: GgufHeader,
  fallbackName = header.requirements.architecture,
): ModelFacts {
  const { metadata, requirements } = header;
  const text = (key: string) => {
    const value = metadata.get(key)?.value;
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  return {
    ...requirements,
    name: text("general.name") ?? fallbackName,
    parameters: header.tensors.reduce((sum, tensor) => sum + tensor.elements, 0),
    quantization: toQuantization(header),
    license: text("general.license"),
    chatTemplate: text("tokenizer.chat_template"),
  };
}

/** As the file says it itself, or the type that holds most of the elements. */
function toQuantization(header: GgufHeader): string {
  const declared = header.metadata.get("general.file_type")?.value;
  const name = typeof declared === "number" ? fileTypes.get(declared) : undefined;
  if (name !== undefined) return name;
  const elements = new Map<string, number>();
  for (const { type, elements: count } of header.tensors)
    elements.set(type.name, (elements.get(type.name) ?? 0) + count);
  return [...elements].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "unknown";
}
