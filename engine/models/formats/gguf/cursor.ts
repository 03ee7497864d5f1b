/** Reads a GGUF header front to back through a small window, and refuses whatever the file or the limits do not hold. */
import { EngineError } from "../../../contract/errors.ts";
import { limits } from "../../../contract/limits.ts";

/** Random access to bytes: a file today, ranges of an HTTP resource as well. */
export interface ByteReader {
  /** What messages call it. */
  readonly label: string;
  /** Length of the whole. */
  readonly bytes: number;
  /** Fills `target` from `position` on; resolves to how many bytes there were. */
  read(target: Buffer, position: number): Promise<number>;
}

export interface Cursor {
  readonly label: string;
  /** Bytes of the file. */
  readonly bytes: number;
  /** Where the next byte is read. */
  position(): number;
  /** Makes the next `count` bytes readable; undefined when they are already. `what` is being read. */
  need(count: number, what: string): Promise<void> | undefined;
  /** The next `count` bytes, which `need` made readable; valid until the next `need`. */
  take(count: number): Buffer;
  /** Passes over bytes unread. */
  skip(count: number, what: string): void;
  /** The error of a file that is wrong in the way that `sentence` says. */
  wrong(sentence: string, remedy?: string): EngineError;
}

const windowBytes = 256 * 1024;

export function createCursor(reader: ByteReader): Cursor {
  let window = Buffer.alloc(0);
  /** Position in the file of the window's first byte, and of the next byte inside the window. */
  let start = 0;
  let at = 0;

  const wrong = (sentence: string, remedy?: string) =>
    new EngineError(
      "invalid_model_file",
      `${reader.label} is no usable GGUF file: ${sentence}.`,
      remedy === undefined ? {} : { remedy },
    );

  const admit = (count: number, what: string) => {
    const end = start + at + count;
    if (end > reader.bytes)
      throw wrong(
        `${what} goes from byte ${start + at} to ${end}, but the file ends at ${reader.bytes}; it was cut off or is corrupt`,
      );
    if (end > limits.ggufHeaderBytesMax)
      throw wrong(
        `its header does not end within ${limits.ggufHeaderBytesMax} bytes (${what} goes on to ${end})`,
      );
  };

  const fill = async (count: number) => {
    start += at;
    at = 0;
    const size = Math.min(Math.max(count, windowBytes), reader.bytes - start);
    const next = Buffer.allocUnsafe(size);
    const got = await reader.read(next, start);
    if (got < count) throw wrong(`it ends at byte ${start + got} while it is being read`);
    window = next.subarray(0, got);
  };

  return {
    label: reader.label,
    bytes: reader.bytes,
    position: () => start + at,
    need(count, what) {
      if (at + count <= window.length) return undefined;
      admit(count, what);
      return fill(count);
    },
    take(count) {
      at += count;
      return window.subarray(at - count, at);
    },
    skip(count, what) {
      admit(count, what);
      at += count;
      if (at <= window.length) return;
      start += at;
      at = 0;
      window = Buffer.alloc(0);
    },
    wrong,
  };
}

export async function readUint32(cursor: Cursor, what: string): Promise<number> {
  await cursor.need(4, what);
  return cursor.take(4).readUInt32LE();
}

export async function readUint64(cursor: Cursor, what: string): Promise<bigint> {
  await cursor.need(8, what);
  return cursor.take(8).readBigUInt64LE();
}

/** A count that the file claims, at most `most`. */
export async function readCount(cursor: Cursor, what: string, most: number): Promise<number> {
  const at = cursor.position();
  const value = await readUint64(cursor, what);
  if (value > BigInt(most))
    throw cursor.wrong(`${what} at byte ${at} says ${value}, and at most ${most} is believed`);
  return Number(value);
}

/** The bytes of a string; valid until the next read. */
export async function readBytes(cursor: Cursor, what: string, most: number): Promise<Buffer> {
  const length = await readCount(cursor, `the length of ${what}`, most);
  const more = cursor.need(length, what);
  if (more !== undefined) await more;
  return cursor.take(length);
}
