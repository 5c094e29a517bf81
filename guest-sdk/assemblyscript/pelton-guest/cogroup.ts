/**
 * One call of a cogroup: the loop that `pelton build` writes around the author's `process` calls these.
 *
 * Rows are numbered over both sides, left ones first. The numbers at the top are places of fields in the record of the arguments of `process`
 * in `wit/cogroup.wit`, as they lie in memory.
 */
import { Reading, convertedAs, enterSlot, keyReadings, readRow, slot, valueOf } from "./columns";
import { enterGiven } from "./context";
import { keyPlaces } from "./contract";
import { From, beginOut, bindRows, isRefused, prepare, refuse } from "./out";
import { Type, typeOf } from "./types";

const LEFT: usize = 40;
const LEFT_ENDS: usize = 52;
const RIGHT: usize = 60;
const RIGHT_ENDS: usize = 72;
const KEYS: usize = 80;

/** One of the two inputs: its columns are declared at the top of the source, and its rows of a key gone through by `next`. */
export class Side {
  readonly readings: Reading[] = [];
  /** How many rows the key has here, without those that are refused for a null. */
  count: i32 = 0;
  /** The row that `next` came to, in the side's table; -1: none. */
  row: i32 = -1;
  /** The number of the side's first row. */
  private first: i32 = 0;
  private ends: usize = 0;
  private start: i32 = 0;
  private end: i32 = 0;
  private nextAt: i32 = 0;

  /** A column of the side that is read; a row with a null in it is rejected. `T` is a number, `bool`, `string` or `Uint8Array`. */
  reads<T>(name: string): SideColumn<T> {
    return this.read<T>(name, typeOf<T>(), false);
  }

  /** The same with nulls: see `isNull`. */
  readsOrNull<T>(name: string): SideColumn<T> {
    return this.read<T>(name, typeOf<T>(), true);
  }

  /** Microseconds since 1970, UTC. */
  readsTimestamp(name: string): SideColumn<i64> {
    return this.read<i64>(name, Type.TIMESTAMP, false);
  }

  readsTimestampOrNull(name: string): SideColumn<i64> {
    return this.read<i64>(name, Type.TIMESTAMP, true);
  }

  /** Days since 1970. */
  readsDate(name: string): SideColumn<i32> {
    return this.read<i32>(name, Type.DATE, false);
  }

  readsDateOrNull(name: string): SideColumn<i32> {
    return this.read<i32>(name, Type.DATE, true);
  }

  /** Looks at the key's next row of this side; false if there is none, and then at none. */
  next(): bool {
    while (this.nextAt < this.end) {
      const row = this.nextAt++;
      if (isRefused(this.first + row)) continue;
      this.row = row;
      readRow(this.first + row);
      return true;
    }
    this.row = -1;
    return false;
  }

  /** Begins the key's rows again; those that were rejected do not come again. */
  rewind(): void {
    this.nextAt = this.start;
    this.row = -1;
  }

  /** Refuses the row that `next` came to: it goes to `operator.left-rejected` or `operator.right-rejected`. */
  reject(reason: string): void {
    assert(this.row >= 0, "reject() is for a row that next() has come to");
    refuse(this.first + this.row, reason);
  }

  bind(table: usize, ends: usize, first: i32): void {
    this.first = first;
    this.ends = load<usize>(ends);
    this.end = 0;
    bindRows(this.readings, load<usize>(table, 4), load<i32>(table), first);
  }

  /** Goes on to a key, and looks at none of its rows yet. */
  enter(key: i32): void {
    this.start = this.end;
    this.end = load<u32>(this.ends + (<usize>key << 2));
    this.count = 0;
    for (let row = this.start; row < this.end; row++) this.count += i32(!isRefused(this.first + row));
    this.rewind();
  }

  refuseAll(reason: string): void {
    for (let row = this.start; row < this.end; row++) refuse(this.first + row, reason);
  }

  private read<T>(name: string, type: Type, nullable: bool): SideColumn<T> {
    const column = new SideColumn<T>(name, type, nullable, this);
    this.readings.push(column);
    return column;
  }
}

/** A column of a side. */
export class SideColumn<T> extends Reading {
  constructor(name: string, type: Type, nullable: bool, private side: Side) {
    super(name, type, nullable);
  }

  /** The value in the row that the side's `next` came to; anything, where `isNull`. */
  get value(): T {
    return valueOf<T>(this, this.side.row);
  }

  get isNull(): bool {
    return this.isNullAt(this.side.row);
  }

  protected converted(values: usize, rows: i32): usize {
    return convertedAs<T>(this, values, rows);
  }
}

/** The two inputs of a cogroup, as the job names them. */
@lazy
export const left: Side = new Side();
@lazy
export const right: Side = new Side();

/** Begins a call; how many keys there are. */
export function begin(at: usize): i32 {
  enterGiven(at);
  const before = load<i32>(at, LEFT);
  const keys = load<i32>(at, KEYS);
  beginOut(before + load<i32>(at, RIGHT), From.KEY);
  left.bind(at + LEFT, at + LEFT_ENDS, 0);
  right.bind(at + RIGHT, at + RIGHT_ENDS, before);
  for (let i = 0; i < keyReadings.length; i++) keyReadings[i].bind(load<usize>(at, KEYS + 4) + keyPlaces[i] * 12, keys);
  return keys;
}

/** Whether the function is to look at the key. */
export function enterKey(key: i32): bool {
  enterSlot(key);
  left.enter(key);
  right.enter(key);
  if (left.count + right.count == 0 || isNullKey()) return false;
  // Until a row is looked at, numbers are those of the first.
  const first = left.count > 0 ? left : right;
  first.next();
  first.rewind();
  prepare();
  return true;
}

/** Whether the key has a null where the module takes none; its rows are rejected then. */
function isNullKey(): bool {
  for (let i = 0; i < keyReadings.length; i++) {
    const column = keyReadings[i];
    if (column.nullable || !column.isNullAt(slot)) continue;
    left.refuseAll("`" + column.name + "` is null");
    right.refuseAll("`" + column.name + "` is null");
    return true;
  }
  return false;
}
