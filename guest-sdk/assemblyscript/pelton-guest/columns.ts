/**
 * Columns that a module reads and makes, declared as constants at the top of its source.
 *
 * `price.value` is the value in the row that is looked at, `euro.value = …` that of the row that is made: the loop in `transform.ts` says
 * which rows these are. Whole columns are read by `at` and written by `put`.
 */
import { alloc, grown, zeros } from "./memory";
import { Type, formatOf, sizeOf, typeOf } from "./types";

/** The row that is read, the row that is made, and the key or group whose call this is. */
export let rowRead: i32 = 0;
export let rowMade: i32 = 0;
export let slot: i32 = 0;

@inline
export function readRow(row: i32): void {
  rowRead = row;
}

@inline
export function makeRow(row: i32): void {
  rowMade = row;
}

@inline
export function enterSlot(at: i32): void {
  slot = at;
}

@inline
function bit(bits: usize, at: i32): bool {
  return ((load<u8>(bits + (<usize>at >> 3)) >> (<u8>at & 7)) & 1) != 0;
}

/** A byte for each bit. */
export function bytesOfBits(bits: usize, rows: i32): usize {
  const bytes = alloc(rows);
  for (let row = 0; row < rows; row++) store<u8>(bytes + row, u8(bit(bits, row)));
  return bytes;
}

/** A bit for each byte. */
export function bitsOfBytes(bytes: usize, rows: i32): usize {
  const bits = zeros((<usize>rows + 7) >> 3);
  for (let row = 0; row < rows; row++) {
    const at = bits + (<usize>row >> 3);
    store<u8>(at, load<u8>(at) | (u8(load<u8>(bytes + row) != 0) << (<u8>row & 7)));
  }
  return bits;
}

function widen<From, To>(values: usize, rows: i32): usize {
  const out = alloc(<usize>rows << alignof<To>());
  for (let row: usize = 0; row < <usize>rows; row++) {
    store<To>(out + (row << alignof<To>()), <To>load<From>(values + (row << alignof<From>())));
  }
  return out;
}

/** Numbers of a narrower type as `To`. */
function widened<To>(values: usize, format: string, rows: i32): usize {
  switch (format.charCodeAt(0)) {
    case 0x63: return widen<i8, To>(values, rows);
    case 0x43: return widen<u8, To>(values, rows);
    case 0x73: return widen<i16, To>(values, rows);
    case 0x53: return widen<u16, To>(values, rows);
    case 0x69: return widen<i32, To>(values, rows);
    case 0x49: return widen<u32, To>(values, rows);
    default: return widen<f32, To>(values, rows);
  }
}

/** Times of another unit in microseconds; nanoseconds are rounded down, what does not fit wraps. */
function inMicros(values: usize, unit: i32, rows: i32): usize {
  const out = alloc(<usize>rows << 3);
  for (let row: usize = 0; row < <usize>rows; row++) {
    const value = load<i64>(values + (row << 3));
    const micros = unit == 0x73 ? value * 1000000 : unit == 0x6d ? value * 1000 : value / 1000 - i64(value % 1000 < 0);
    store<i64>(out + (row << 3), micros);
  }
  return out;
}

/** A column that is read, whatever its values are. */
export abstract class Reading {
  /** As `open` agreed. */
  format: string = "";
  values: usize = 0;
  offsets: usize = 0;
  /** A byte for each row, 0 where it is null; 0 if there is none. */
  valid: usize = 0;

  constructor(public name: string, public type: Type, public nullable: bool) {}

  @inline
  isNullAt(row: i32): bool {
    return this.valid != 0 && load<u8>(this.valid + row) == 0;
  }

  /** Takes the column's node of a batch. */
  bind(node: usize, rows: i32): void {
    const buffers = load<usize>(node, 4);
    this.valid = load<usize>(buffers, 4) == 0 ? 0 : bytesOfBits(load<usize>(buffers), rows);
    const values = load<usize>(buffers, 8);
    if (this.type >= Type.TEXT) {
      this.values = load<usize>(buffers, 16);
      // The large forms have offsets of 64 bits.
      this.offsets = this.format == "U" || this.format == "Z" ? widen<i64, i32>(values, rows + 1) : values;
    } else if (this.type == Type.BOOL) {
      this.values = bytesOfBits(values, rows);
    } else if (this.format == formatOf(this.type)) {
      this.values = values;
    } else if (this.type == Type.TIMESTAMP) {
      const unit = this.format.charCodeAt(2);
      this.values = unit == 0x75 ? values : inMicros(values, unit, rows);
    } else {
      this.values = this.converted(values, rows);
    }
  }

  /** Leaves the rows in `kept` (u32) and no others. */
  gather(kept: usize, count: i32): void {
    const size = sizeOf(this.type);
    const valid = this.valid;
    if (valid != 0) {
      this.valid = alloc(count);
      for (let i = 0; i < count; i++) store<u8>(this.valid + i, load<u8>(valid + load<u32>(kept + (<usize>i << 2))));
    }
    if (size == 0) {
      this.gatherTexts(kept, count);
      return;
    }
    const values = alloc(<usize>count * size);
    for (let i = 0; i < count; i++) {
      memory.copy(values + <usize>i * size, this.values + <usize>load<u32>(kept + (<usize>i << 2)) * size, size);
    }
    this.values = values;
  }

  private gatherTexts(kept: usize, count: i32): void {
    const offsets = alloc((<usize>count + 1) << 2);
    let total: i32 = 0;
    for (let i = 0; i < count; i++) {
      const from = this.offsets + (<usize>load<u32>(kept + (<usize>i << 2)) << 2);
      store<i32>(offsets + (<usize>i << 2), total);
      total += load<i32>(from, 4) - load<i32>(from);
    }
    store<i32>(offsets + (<usize>count << 2), total);
    const values = alloc(total);
    for (let i = 0; i < count; i++) {
      const from = this.offsets + (<usize>load<u32>(kept + (<usize>i << 2)) << 2);
      const start = load<i32>(from);
      memory.copy(values + load<i32>(offsets + (<usize>i << 2)), this.values + start, load<i32>(from, 4) - start);
    }
    this.values = values;
    this.offsets = offsets;
  }

  protected abstract converted(values: usize, rows: i32): usize;
}

/** A column of `T` that is read. */
export class Column<T> extends Reading {
  /** The value in this row; anything, where `isNull`. */
  @inline
  get value(): T {
    return this.at(rowRead);
  }

  @inline
  get isNull(): bool {
    return this.isNullAt(rowRead);
  }

  @inline
  at(row: i32): T {
    return valueOf<T>(this, row);
  }

  protected converted(values: usize, rows: i32): usize {
    return convertedAs<T>(this, values, rows);
  }
}

/** A column of the key of a keyed operator. */
export class KeyColumn<T> extends Reading {
  /** That of the key whose call this is. */
  get value(): T {
    return valueOf<T>(this, slot);
  }

  get isNull(): bool {
    return this.isNullAt(slot);
  }

  protected converted(values: usize, rows: i32): usize {
    return convertedAs<T>(this, values, rows);
  }
}

@inline
export function valueOf<T>(column: Reading, row: i32): T {
  if (isReference<T>()) {
    const from = column.offsets + (<usize>row << 2);
    const start = load<i32>(from);
    return textAt<T>(column.values + start, load<i32>(from, 4) - start);
  } else if (isBoolean<T>()) {
    return <T>(load<u8>(column.values + row) != 0);
  } else {
    return load<T>(column.values + (<usize>row << alignof<T>()));
  }
}

/** A string or bytes of their own. */
export function textAt<T>(at: usize, size: usize): T {
  if (isString<T>()) return changetype<T>(String.UTF8.decodeUnsafe(at, size));
  const bytes = new Uint8Array(<i32>size);
  memory.copy(bytes.dataStart, at, size);
  return changetype<T>(bytes);
}

/** Values of a column of another format as `T`. */
export function convertedAs<T>(column: Reading, values: usize, rows: i32): usize {
  if (isReference<T>() || isBoolean<T>()) return values;
  else return widened<T>(values, column.format, rows);
}

/** A column that is made, whatever its values are. */
export abstract class Making {
  values: usize = 0;
  offsets: usize = 0;
  /** A byte for each row, 0 where it is null; 0 where nothing may be null. */
  valid: usize = 0;
  /** Bytes of text that there is room for. */
  room: usize = 0;

  constructor(public name: string, public type: Type, public nullable: bool) {}

  /** Whether a row must be emptied before it is made. */
  get needsClear(): bool {
    return this.nullable || sizeOf(this.type) == 0;
  }

  clear(row: i32): void {
    if (this.nullable) store<u8>(this.valid + row, 0);
    if (sizeOf(this.type) == 0) {
      const end = this.offsets + (<usize>row << 2);
      store<i32>(end, load<i32>(end), 4);
    } else if (this.nullable) {
      memory.fill(this.values + <usize>row * sizeOf(this.type), 0, sizeOf(this.type));
    }
  }

  begin(): void {
    this.values = this.offsets = this.valid = this.room = 0;
  }

  /** Makes room for `capacity` rows; there are `rows`. */
  grow(rows: i32, capacity: i32): void {
    const size = sizeOf(this.type);
    if (this.nullable) this.valid = grown(this.valid, rows, capacity);
    if (size > 0) {
      this.values = grown(this.values, <usize>rows * size, <usize>capacity * size);
      return;
    }
    const isNew = this.offsets == 0;
    this.offsets = grown(this.offsets, isNew ? 0 : (<usize>rows + 1) << 2, (<usize>capacity + 1) << 2);
    if (isNew) store<i32>(this.offsets, 0);
  }

  /** Writes the column as a node of an answer. */
  write(node: usize, rows: i32): void {
    const buffers = zeros(24);
    store<u32>(node, rows);
    store<usize>(node, buffers, 4);
    store<u32>(buffers, 16);
    if (this.nullable && this.hasNull(rows)) {
      store<usize>(buffers, bitsOfBytes(this.valid, rows));
      store<usize>(buffers, (<usize>rows + 7) >> 3, 4);
    }
    const size = sizeOf(this.type);
    if (size == 0) {
      store<u32>(node, 3, 8);
      store<usize>(buffers, this.offsets, 8);
      store<usize>(buffers, (<usize>rows + 1) << 2, 12);
      store<usize>(buffers, this.values == 0 ? 16 : this.values, 16);
      store<usize>(buffers, load<i32>(this.offsets + (<usize>rows << 2)), 20);
      return;
    }
    const isBool = this.type == Type.BOOL;
    store<u32>(node, 2, 8);
    store<usize>(buffers, isBool ? bitsOfBytes(this.values, rows) : this.values, 8);
    store<usize>(buffers, isBool ? (<usize>rows + 7) >> 3 : <usize>rows * size, 12);
  }

  private hasNull(rows: i32): bool {
    for (let row = 0; row < rows; row++) if (load<u8>(this.valid + row) == 0) return true;
    return false;
  }

  /** Where the text of a row may be written. */
  protected roomFor(row: i32, size: usize): usize {
    const start = <usize>load<i32>(this.offsets + (<usize>row << 2));
    if (this.room - start < size) {
      assert(size <= <usize>i32.MAX_VALUE - start, "a column of text is longer than 2 GiB");
      this.room = max(this.room * 2, start + size + 4096);
      this.values = grown(this.values, start, this.room);
    }
    store<i32>(this.offsets + (<usize>row << 2), <i32>(start + size), 4);
    return this.values + start;
  }
}

/** A column of `T` that is made. One that may be null is, unless the row sets it. */
export class Made<T> extends Making {
  /** Sets the value in the row that is made. */
  @inline
  set value(value: T) {
    this.put(rowMade, value);
  }

  /** Sets it at `row`; texts in the order of their rows. */
  @inline
  put(row: i32, value: T): void {
    if (this.nullable) store<u8>(this.valid + row, 1);
    if (isString<T>()) {
      const text = changetype<string>(value);
      const size = <usize>String.UTF8.byteLength(text);
      String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, this.roomFor(row, size));
    } else if (isReference<T>()) {
      const bytes = changetype<Uint8Array>(value);
      memory.copy(this.roomFor(row, bytes.length), bytes.dataStart, bytes.length);
    } else {
      store<T>(this.values + (<usize>row << alignof<T>()), value);
    }
  }

  /** Makes it null at `row`. */
  putNull(row: i32): void {
    assert(this.nullable, "`" + this.name + "` has no nulls: declare it by makesOrNull");
    this.clear(row);
  }
}

/** The columns of the module, in the order in which it declares them. */
export const readings: Reading[] = [];
export const keyReadings: Reading[] = [];
export const makings: Making[] = [];

function read<T>(name: string, type: Type, nullable: bool): Column<T> {
  const column = new Column<T>(name, type, nullable);
  readings.push(column);
  return column;
}

function readKey<T>(name: string, type: Type, nullable: bool): KeyColumn<T> {
  const column = new KeyColumn<T>(name, type, nullable);
  keyReadings.push(column);
  return column;
}

function make<T>(name: string, type: Type, nullable: bool): Made<T> {
  const column = new Made<T>(name, type, nullable);
  makings.push(column);
  return column;
}

/** A column of the input that is read; a row with a null in it is rejected. `T` is a number, `bool`, `string` or `Uint8Array`. */
export function reads<T>(name: string): Column<T> {
  return read<T>(name, typeOf<T>(), false);
}

/** The same with nulls: see `isNull`. */
export function readsOrNull<T>(name: string): Column<T> {
  return read<T>(name, typeOf<T>(), true);
}

/** Microseconds since 1970, UTC. */
export function readsTimestamp(name: string): Column<i64> {
  return read<i64>(name, Type.TIMESTAMP, false);
}

export function readsTimestampOrNull(name: string): Column<i64> {
  return read<i64>(name, Type.TIMESTAMP, true);
}

/** Days since 1970. */
export function readsDate(name: string): Column<i32> {
  return read<i32>(name, Type.DATE, false);
}

export function readsDateOrNull(name: string): Column<i32> {
  return read<i32>(name, Type.DATE, true);
}

/** A column of the key, in a keyed operator; rows of a key with a null in it are rejected. */
export function readsKey<T>(name: string): KeyColumn<T> {
  return readKey<T>(name, typeOf<T>(), false);
}

export function readsKeyOrNull<T>(name: string): KeyColumn<T> {
  return readKey<T>(name, typeOf<T>(), true);
}

export function readsKeyTimestamp(name: string): KeyColumn<i64> {
  return readKey<i64>(name, Type.TIMESTAMP, false);
}

export function readsKeyTimestampOrNull(name: string): KeyColumn<i64> {
  return readKey<i64>(name, Type.TIMESTAMP, true);
}

export function readsKeyDate(name: string): KeyColumn<i32> {
  return readKey<i32>(name, Type.DATE, false);
}

export function readsKeyDateOrNull(name: string): KeyColumn<i32> {
  return readKey<i32>(name, Type.DATE, true);
}

/** A column that is computed. */
export function makes<T>(name: string): Made<T> {
  return make<T>(name, typeOf<T>(), false);
}

export function makesOrNull<T>(name: string): Made<T> {
  return make<T>(name, typeOf<T>(), true);
}

export function makesTimestamp(name: string): Made<i64> {
  return make<i64>(name, Type.TIMESTAMP, false);
}

export function makesTimestampOrNull(name: string): Made<i64> {
  return make<i64>(name, Type.TIMESTAMP, true);
}

export function makesDate(name: string): Made<i32> {
  return make<i32>(name, Type.DATE, false);
}

export function makesDateOrNull(name: string): Made<i32> {
  return make<i32>(name, Type.DATE, true);
}
