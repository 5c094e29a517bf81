/**
 * Columns between Arrow's buffers and JavaScript. Numbers are typed arrays over the batch's own bytes; texts are decoded row
 * by row, when they are asked for.
 */
import type { Column } from "./types.ts";
import { nameOf } from "./types.ts";
import type { Node } from "./wire.ts";

type Numbers = Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array | Float32Array | Float64Array;
type Bigs = BigInt64Array | BigUint64Array;

export const ARRAYS: Record<string, any> = {
  c: Int8Array, s: Int16Array, i: Int32Array, C: Uint8Array, S: Uint16Array, I: Uint32Array, f: Float32Array, g: Float64Array,
  tdD: Int32Array, l: BigInt64Array, L: BigUint64Array,
};
export const NOTHING = new Uint8Array(0);

/** A column with nulls, at column level. What lies under a null is unspecified. */
export interface NullableColumn<A> {
  readonly values: A;
  /** Whether `row` has a value. */
  isValid(row: number): boolean;
}

/** A column of texts (or of bytes), at column level. */
export interface TextColumn<T = string> {
  readonly length: number;
  get(row: number): T;
}

/** A column that is read. */
export interface View {
  /** The value of a row, without regard to nulls. */
  get(row: number): unknown;
  /** The same by index, of columns that come as numbers. */
  readonly numbers: Numbers | Bigs | null;
  /** As a function at column level sees it. */
  readonly whole: unknown;
  /** Null when no row is null. */
  readonly valid: Uint8Array | null;
}

export const bit = (bits: Uint8Array, at: number): boolean => ((bits[at >> 3]! >> (at & 7)) & 1) === 1;

/** `bytes` as numbers; they are copied when they are not aligned. */
export function typed(Type: any, bytes: Uint8Array, length: number): any {
  const aligned = bytes.byteOffset % Type.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  return new Type(aligned.buffer, aligned.byteOffset, length);
}

export function view(node: Node, format: string, type: Column<unknown>, rows: number): View {
  const [validity, data] = node.buffers as [Uint8Array, Uint8Array];
  const valid = validity.length > 0 ? validity : null;
  const values = read(node, data, format, type, rows);
  const whole = type.nullable
    ? { values: values.whole, isValid: (row: number) => valid === null || bit(valid, row) }
    : values.whole;
  return { get: values.get, numbers: values.numbers, whole, valid };
}

function read(
  node: Node, data: Uint8Array, format: string, type: Column<unknown>, rows: number,
): Omit<View, "valid"> {
  if (type.kind === "bool") return { get: (row) => bit(data, row), numbers: null, whole: unpacked(data, rows) };
  if (type.kind === "text" || type.kind === "bytes") return { ...texts(node, format, type, rows), numbers: null };
  let numbers = typed(format.startsWith("ts") ? BigInt64Array : ARRAYS[format], data, rows);
  if (type.kind === "timestamp") numbers = micros(numbers, format[2]!);
  else if (format !== type.format) numbers = widened(numbers, ARRAYS[type.format], type.kind === "bigint");
  return { get: (row) => numbers[row], numbers, whole: numbers };
}

function widened(numbers: Numbers | Bigs, Type: any, big: boolean): Numbers | Bigs {
  return big ? Type.from(numbers as Numbers, (value: number) => BigInt(value)) : Type.from(numbers);
}

function micros(values: BigInt64Array, unit: string): BigInt64Array {
  if (unit === "u") return values;
  if (unit === "n") return values.map((value) => (value - (((value % 1000n) + 1000n) % 1000n)) / 1000n);
  const scale = unit === "s" ? 1_000_000n : 1_000n;
  return values.map((value) => value * scale);
}

function unpacked(bits: Uint8Array, rows: number): Uint8Array {
  return Uint8Array.from({ length: rows }, (_, row) => (bit(bits, row) ? 1 : 0));
}

function texts(
  node: Node, format: string, type: Column<unknown>, rows: number,
): { get(row: number): unknown; whole: TextColumn<unknown> } {
  const large = format === format.toUpperCase();
  const offsets = typed(large ? BigInt64Array : Int32Array, node.buffers[1]!, rows + 1);
  const bytes = node.buffers[2]!;
  const ascii = type.kind === "text" && isAscii(bytes) ? asciiText(bytes) : null;
  const get = (row: number): unknown => {
    const start = Number(offsets[row]);
    const end = Number(offsets[row + 1]);
    if (ascii !== null) return ascii.slice(start, end);
    const part = bytes.subarray(start, end);
    return type.kind === "text" ? decode(part) : part.slice();
  };
  return { get, whole: { length: rows, get } };
}

export function isAscii(bytes: Uint8Array): boolean {
  // `every` calls a function for each byte; this loop is a third of its cost.
  for (let at = 0; at < bytes.length; at++) if (bytes[at]! > 127) return false;
  return true;
}

const CHUNK = 4096;

export function asciiText(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) {
    text += String.fromCharCode.apply(null, bytes.subarray(at, at + CHUNK) as unknown as number[]);
  }
  return text;
}

/** UTF-8 that the host has checked. */
export function decode(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at++]!;
    if (first < 0x80) text += String.fromCharCode(first);
    else if (first < 0xe0) text += String.fromCharCode(((first & 31) << 6) | (bytes[at++]! & 63));
    else if (first < 0xf0) text += String.fromCharCode(((first & 15) << 12) | ((bytes[at++]! & 63) << 6) | (bytes[at++]! & 63));
    else {
      text += String.fromCodePoint(
        ((first & 7) << 18) | ((bytes[at++]! & 63) << 12) | ((bytes[at++]! & 63) << 6) | (bytes[at++]! & 63),
      );
    }
  }
  return text;
}

export function encode(text: string, out: number[]): void {
  for (let at = 0; at < text.length; at++) {
    let point = text.charCodeAt(at);
    if (point < 0x80) {
      out.push(point);
      continue;
    }
    if (point >= 0xd800 && point < 0xe000) {
      const low = text.charCodeAt(at + 1);
      const paired = point < 0xdc00 && low >= 0xdc00 && low < 0xe000;
      if (paired) at++;
      // A half of a pair is no character: U+FFFD stands for it, as in TextEncoder.
      point = paired ? 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
    }
    if (point < 0x800) out.push(0xc0 | (point >> 6), 0x80 | (point & 63));
    else if (point < 0x10000) out.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
    else out.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 63), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
  }
}

/** A value or column that does not fit, in words for the job's owner. */
export class Unfit extends Error {}

export const bytesOf = (values: ArrayBufferView): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** A column from its values: a list, or at column level a typed array. */
export function make(name: string, type: Column<unknown>, values: any, rows: number): Node {
  if (values === undefined) throw new Unfit(`column \`${name}\` was not made`);
  if (values.length !== rows) throw new Unfit(`column \`${name}\` has ${values.length} values, but ${rows} rows were made`);
  if (ArrayBuffer.isView(values)) {
    if (type.kind === "bool") return { rows, buffers: [NOTHING, packed(values as any, rows)] };
    const Type = type.kind === "timestamp" ? BigInt64Array : ARRAYS[type.format];
    if (!(values instanceof Type)) throw new Unfit(`column \`${name}\` is ${nameOf(type.format)}, not ${values.constructor.name}`);
    return { rows, buffers: [NOTHING, bytesOf(values)] };
  }
  let validity: Uint8Array = NOTHING;
  // Loops, here and below: `findIndex`, `map` and `push` call a function for each value, which costs more than they do.
  let missing = 0;
  while (missing < rows && values[missing] !== null && values[missing] !== undefined) missing++;
  if (missing < rows) {
    if (!type.nullable) {
      throw new Unfit(`column \`${name}\` is ${nameOf(type.format)}, but row ${missing} of what was made has none`);
    }
    validity = packed(values.map((value: unknown) => value !== null && value !== undefined), rows);
  }
  return { rows, buffers: [validity, ...made(name, type, values, rows)] };
}

export function packed(values: ArrayLike<any>, rows: number): Uint8Array {
  const bits = new Uint8Array((rows + 7) >> 3);
  for (let row = 0; row < rows; row++) if (values[row]) bits[row >> 3]! |= 1 << (row & 7);
  return bits;
}

function made(name: string, type: Column<unknown>, values: any[], rows: number): Uint8Array[] {
  const refuse = (value: unknown): never => {
    throw new Unfit(`column \`${name}\` is ${nameOf(type.format)}, and cannot hold ${String(value)} (${typeof value})`);
  };
  if (type.kind === "bool") return [packed(values, rows)];
  if (type.kind === "text" || type.kind === "bytes") {
    const offsets = new Int32Array(rows + 1);
    const bytes: number[] = [];
    for (let row = 0; row < rows; row++) {
      const value = values[row];
      if (value !== null && value !== undefined) {
        if (type.kind === "text") encode(typeof value === "string" ? value : refuse(value), bytes);
        else if (value instanceof Uint8Array) for (const byte of value) bytes.push(byte);
        else refuse(value);
      }
      offsets[row + 1] = bytes.length;
    }
    return [bytesOf(offsets), Uint8Array.from(bytes)];
  }
  if (type.kind === "number") {
    const Type = ARRAYS[type.format];
    const out = new Type(rows);
    const isFloat = type.format === "f" || type.format === "g";
    for (let row = 0; row < rows; row++) {
      const value = values[row];
      if (typeof value !== "number") {
        if (value === null || value === undefined) continue;
        refuse(value);
      }
      out[row] = value;
      if (!isFloat && out[row] !== value) refuse(value);
    }
    return [bytesOf(out)];
  }
  const out: any = type.format === "L" ? new BigUint64Array(rows) : new BigInt64Array(rows);
  for (let row = 0; row < rows; row++) {
    const value = values[row];
    if (value === null || value === undefined) continue;
    if (typeof value !== "bigint") refuse(value);
    out[row] = value;
    if (out[row] !== value) refuse(value);
  }
  return [bytesOf(out)];
}
