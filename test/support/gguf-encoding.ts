/** Writes GGUF files byte by byte, honest ones and lying ones, so that readers meet real input. */

/** Value types by their number in the format. */
export const valueTypes = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const;

type NumberType = Exclude<keyof typeof valueTypes, "string" | "array" | "bool">;

export type GgufValue =
  | { type: NumberType; value: number }
  | { type: "bool"; value: boolean }
  | { type: "string"; value: string }
  | { type: "array"; of: NumberType; values: readonly number[] }
  | { type: "array"; of: "string"; values: readonly string[] }
  /** Whatever bytes a hostile writer would put after the key. */
  | { type: "raw"; bytes: Buffer };

export interface GgufTensor {
  name: string;
  dimensions: readonly number[];
  /** 0 = F32, 1 = F16, 8 = Q8_0 … */
  typeNumber: number;
  data: Buffer;
  /** Written instead of the true offset. */
  offset?: bigint;
}

export interface GgufContent {
  metadata: readonly (readonly [key: string, value: GgufValue])[];
  tensors: readonly GgufTensor[];
  magic?: string;
  version?: number;
  alignment?: number;
  /** Lies: what the header says instead of the truth. */
  tensorCount?: bigint;
  keyCount?: bigint;
}

/** The bytes of a GGUF file. */
export function encodeGguf(content: GgufContent): Buffer {
  const alignment = content.alignment ?? 32;
  const head = [
    Buffer.from(content.magic ?? "GGUF", "latin1"),
    number("uint32", content.version ?? 3),
    uint64(content.tensorCount ?? BigInt(content.tensors.length)),
    uint64(content.keyCount ?? BigInt(content.metadata.length)),
    ...content.metadata.flatMap(([key, value]) => [string(key), encodeValue(value)]),
  ];
  const data: Buffer[] = [];
  let offset = 0;
  for (const tensor of content.tensors) {
    head.push(encodeTensorInfo(tensor, BigInt(offset)));
    const padded = pad(tensor.data, alignment);
    data.push(padded);
    offset += padded.length;
  }
  return Buffer.concat([pad(Buffer.concat(head), alignment), ...data]);
}

function encodeTensorInfo(tensor: GgufTensor, offset: bigint): Buffer {
  return Buffer.concat([
    string(tensor.name),
    number("uint32", tensor.dimensions.length),
    ...tensor.dimensions.map(dimension => uint64(BigInt(dimension))),
    number("uint32", tensor.typeNumber),
    uint64(tensor.offset ?? offset),
  ]);
}

/** A value with its type in front. */
export function encodeValue(value: GgufValue): Buffer {
  if (value.type === "raw") return value.bytes;
  const type = number("uint32", valueTypes[value.type]);
  if (value.type === "string") return Buffer.concat([type, string(value.value)]);
  if (value.type === "bool") return Buffer.concat([type, Buffer.from([value.value ? 1 : 0])]);
  if (value.type !== "array") return Buffer.concat([type, number(value.type, value.value)]);
  const items =
    value.of === "string"
      ? value.values.map(string)
      : value.values.map(item => number(value.of, item));
  const of = number("uint32", valueTypes[value.of]);
  return Buffer.concat([type, of, uint64(BigInt(items.length)), ...items]);
}

/** A string with its length in front. */
export function string(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  return Buffer.concat([uint64(BigInt(bytes.length)), bytes]);
}

export function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes;
}

export function number(type: NumberType, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  switch (type) {
    case "uint8":
      return bytes.subarray(0, bytes.writeUInt8(value));
    case "int8":
      return bytes.subarray(0, bytes.writeInt8(value));
    case "uint16":
      return bytes.subarray(0, bytes.writeUInt16LE(value));
    case "int16":
      return bytes.subarray(0, bytes.writeInt16LE(value));
    case "uint32":
      return bytes.subarray(0, bytes.writeUInt32LE(value));
    case "int32":
      return bytes.subarray(0, bytes.writeInt32LE(value));
    case "float32":
      return bytes.subarray(0, bytes.writeFloatLE(value));
    case "float64":
      return bytes.subarray(0, bytes.writeDoubleLE(value));
    case "uint64":
      return uint64(BigInt(value));
    case "int64":
      return bytes.subarray(0, bytes.writeBigInt64LE(BigInt(value)));
  }
}

function pad(bytes: Buffer, alignment: number): Buffer {
  const missing = (alignment - (bytes.length % alignment)) % alignment;
  return Buffer.concat([bytes, Buffer.alloc(missing)]);
}
