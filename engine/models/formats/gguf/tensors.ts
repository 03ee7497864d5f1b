/** Reads the table of tensors and checks that each one is whole: known type, sane shape, inside the file, behind the one before. */
import { limits } from "../../../contract/limits.ts";
import { type Cursor, readBytes, readUint32, readUint64 } from "./cursor.ts";
import { shorten } from "./metadata.ts";
import { type TensorType, tensorTypes } from "./tables.ts";

export interface TensorInfo {
  name: string;
  dimensions: readonly number[];
  type: TensorType;
  elements: number;
  bytes: number;
  /** From the start of the data section. */
  offset: number;
}

/** ggml keeps names in 64 bytes with a zero at the end. */
const nameBytesMax = 63;

export async function readTensors(cursor: Cursor, count: number): Promise<TensorInfo[]> {
  const tensors: TensorInfo[] = [];
  const names = new Set<string>();
  for (let index = 0; index < count; index++) {
    const tensor = await readTensor(cursor, `${index + 1} of ${count}`);
    if (names.has(tensor.name))
      throw cursor.wrong(`the tensor "${tensor.name}" stands in it twice`);
    names.add(tensor.name);
    tensors.push(tensor);
  }
  return tensors;
}

async function readTensor(cursor: Cursor, place: string): Promise<TensorInfo> {
  const at = cursor.position();
  const bytes = await readBytes(cursor, `the name of tensor ${place}`, nameBytesMax);
  const name = shorten(bytes.toString());
  const what = `tensor "${name}" (${place}, described at byte ${at})`;
  const dimensions = await readDimensions(cursor, what);
  const type = await readTensorType(cursor, what);
  const elements = dimensions.reduce((product, dimension) => product * dimension, 1);
  const row = dimensions[0] ?? 1;
  if (row % type.blockElements !== 0)
    throw cursor.wrong(
      `${what} has rows of ${row} elements, which ${type.name} cannot hold (multiples of ${type.blockElements})`,
    );
  const size = (elements / type.blockElements) * type.blockBytes;
  if (!Number.isSafeInteger(elements) || size > cursor.bytes)
    throw cursor.wrong(
      `${what} claims ${size} bytes, but the file has ${cursor.bytes}; it was cut off or is corrupt`,
    );
  const offset = await readUint64(cursor, `the offset of ${what}`);
  if (offset > BigInt(cursor.bytes))
    throw cursor.wrong(
      `${what} claims to lie at ${offset}, but the file has ${cursor.bytes} bytes; it was cut off or is corrupt`,
    );
  return { name, dimensions, type, elements, bytes: size, offset: Number(offset) };
}

async function readDimensions(cursor: Cursor, what: string): Promise<number[]> {
  const count = await readUint32(cursor, `the shape of ${what}`);
  if (count > limits.ggufDimensionsMax)
    throw cursor.wrong(`${what} has ${count} dimensions, more than ${limits.ggufDimensionsMax}`);
  const dimensions: number[] = [];
  while (dimensions.length < count) {
    const dimension = await readUint64(cursor, `the shape of ${what}`);
    if (dimension === 0n || dimension > BigInt(Number.MAX_SAFE_INTEGER))
      throw cursor.wrong(`${what} has a dimension of ${dimension}`);
    dimensions.push(Number(dimension));
  }
  return dimensions;
}

async function readTensorType(cursor: Cursor, what: string): Promise<TensorType> {
  const number = await readUint32(cursor, `the type of ${what}`);
  const type = tensorTypes.get(number);
  if (type === undefined)
    throw cursor.wrong(
      `${what} has the tensor type ${number}, which is unknown here`,
      "Download the file again, or name a `source` with a common quantization such as Q4_K_M or Q8_0.",
    );
  return type;
}

/** Tensors follow one another without gap or overlap, each padded to the alignment, and the last ends inside the file. */
export function checkLayout(
  cursor: Cursor,
  tensors: readonly TensorInfo[],
  dataOffset: number,
  alignment: number,
): void {
  let expected = 0;
  for (const tensor of tensors) {
    if (tensor.offset !== expected)
      throw cursor.wrong(
        `tensor "${tensor.name}" claims to lie at ${tensor.offset} of the data, where ${expected} is right`,
      );
    const end = dataOffset + tensor.offset + tensor.bytes;
    if (end > cursor.bytes)
      throw cursor.wrong(
        `tensor "${tensor.name}" ends at byte ${end}, but the file ends at ${cursor.bytes}; it was cut off`,
      );
    expected += align(tensor.bytes, alignment);
  }
}

/** The next multiple of `alignment`. */
export function align(position: number, alignment: number): number {
  return Math.ceil(position / alignment) * alignment;
}
