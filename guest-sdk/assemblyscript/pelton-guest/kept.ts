/**
 * What the engine keeps for each key or group: columns of the module's table of state, one row for each.
 *
 * Every such column is nullable in the contract, for a row of nulls stands for nothing; in one that is declared without `OrNull` a null is
 * read as zero.
 */
import { cellAt, cellSize, cellsOf, getCell, putCell, validOf, writeCells } from "./cells";
import { slot } from "./columns";
import { alloc, putList, zeros } from "./memory";
import { Type, formatOf, sizeOf, typeOf } from "./types";

/** In a keyed operator, whether anything is kept for the key. */
export let isKept: bool = false;

@inline
export function keep(is: bool): void {
  isKept = is;
}

/** A column that is kept, whatever its values are. */
export abstract class Keeping {
  /** A cell and a byte for each row; the byte is 0 where it is null. */
  cells: usize = 0;
  valid: usize = 0;
  /** The same of what rows that came later were folded to, or of what was kept before. */
  otherCells: usize = 0;
  otherValid: usize = 0;

  constructor(public name: string, public type: Type, public nullable: bool) {}

  get format(): string {
    return formatOf(this.type);
  }

  @inline
  get isNull(): bool {
    return load<u8>(this.valid + slot) == 0;
  }

  /** In `merge`: whether what rows that came later were folded to is null. */
  @inline
  get isLaterNull(): bool {
    return load<u8>(this.otherValid + slot) == 0;
  }

  /** Makes it null. */
  setNull(): void {
    assert(this.nullable, "`" + this.name + "` has no nulls: declare it by keepsOrNull");
    isKept = true;
    this.empty();
  }

  /** As if nothing were kept. */
  empty(): void {
    store<u8>(this.valid + slot, 0);
    const size = cellSize(this.type);
    memory.fill(this.cells + <usize>slot * size, 0, size);
  }

  bind(node: usize, rows: i32): void {
    this.valid = validOf(node, rows);
    this.cells = cellsOf(this.type, node, this.valid, rows);
  }

  /** Rows of nothing, to be set. */
  bindNothing(rows: i32): void {
    this.valid = zeros(rows);
    this.cells = zeros(<usize>rows * cellSize(this.type));
  }

  /** Rows that go are null, and of the others those that have no nulls are zero where they were not set. */
  settle(dropped: usize, rows: i32): void {
    for (let row = 0; row < rows; row++) {
      if (load<u8>(dropped + row) != 0) store<u8>(this.valid + row, 0);
      else if (!this.nullable) store<u8>(this.valid + row, 1);
    }
  }

  bindLater(node: usize, rows: i32): void {
    this.otherValid = validOf(node, rows);
    this.otherCells = cellsOf(this.type, node, this.otherValid, rows);
  }

  /** Remembers what is kept, so that a change can be told. */
  remember(rows: i32): void {
    this.otherValid = alloc(rows);
    memory.copy(this.otherValid, this.valid, rows);
    const size = <usize>rows * cellSize(this.type);
    this.otherCells = alloc(size);
    memory.copy(this.otherCells, this.cells, size);
  }

  /** Whether the key's cell is as it was: by its bits, so that a NaN is the same as itself. */
  get isAsBefore(): bool {
    if (this.nullable && load<u8>(this.valid + slot) != load<u8>(this.otherValid + slot)) return false;
    const size = cellSize(this.type);
    const cell = this.cells + <usize>slot * size;
    const other = this.otherCells + <usize>slot * size;
    if (sizeOf(this.type) > 0) return memory.compare(cell, other, size) == 0;
    const bytes = load<usize>(cell, 4);
    return bytes == load<usize>(other, 4) && memory.compare(load<usize>(cell), load<usize>(other), bytes) == 0;
  }

  /** Writes the column as a node of a table: the rows in `chosen` (u32), or if that is 0 the first `rows`. */
  write(node: usize, rows: i32, chosen: usize): void {
    writeCells(node, this.type, this.cells, this.nullable ? this.valid : 0, rows, chosen);
  }
}

/** A column of `T` that the engine keeps for each key or group; zero, empty or null where nothing is kept. */
export class Kept<T> extends Keeping {
  @inline
  get value(): T {
    return getCell<T>(cellAt<T>(this.cells, slot));
  }

  @inline
  set value(value: T) {
    isKept = true;
    store<u8>(this.valid + slot, 1);
    putCell<T>(cellAt<T>(this.cells, slot), value);
  }

  /** In `merge`: what rows that came later were folded to. */
  @inline
  get later(): T {
    return getCell<T>(cellAt<T>(this.otherCells, slot));
  }
}

/** What is kept, in the order in which the module declares it. */
export const keepings: Keeping[] = [];

/** Writes the table of what is kept: the rows in `chosen` (u32), or if that is 0 the first `rows`. */
export function putKept(at: usize, rows: i32, chosen: usize): void {
  const nodes = zeros(keepings.length * 12);
  for (let i = 0; i < keepings.length; i++) keepings[i].write(nodes + i * 12, rows, chosen);
  store<u32>(at, rows);
  putList(at + 4, nodes, keepings.length);
}

/** Writes the same of all rows, with the nulls of those that are not there. */
export function writeKept(at: usize, rows: i32): void {
  const nodes = zeros(keepings.length * 12);
  for (let i = 0; i < keepings.length; i++) {
    const column = keepings[i];
    writeCells(nodes + i * 12, column.type, column.cells, column.valid, rows, 0);
  }
  store<u32>(at, rows);
  putList(at + 4, nodes, keepings.length);
}

function keepAs<T>(name: string, type: Type, nullable: bool): Kept<T> {
  const column = new Kept<T>(name, type, nullable);
  keepings.push(column);
  return column;
}

/** A value that is kept for each key or group. `T` is a number, `bool`, `string` or `Uint8Array`. */
export function keeps<T>(name: string): Kept<T> {
  return keepAs<T>(name, typeOf<T>(), false);
}

/** The same with nulls: see `isNull`. */
export function keepsOrNull<T>(name: string): Kept<T> {
  return keepAs<T>(name, typeOf<T>(), true);
}

/** Microseconds since 1970, UTC. */
export function keepsTimestamp(name: string): Kept<i64> {
  return keepAs<i64>(name, Type.TIMESTAMP, false);
}

export function keepsTimestampOrNull(name: string): Kept<i64> {
  return keepAs<i64>(name, Type.TIMESTAMP, true);
}

/** Days since 1970. */
export function keepsDate(name: string): Kept<i32> {
  return keepAs<i32>(name, Type.DATE, false);
}

export function keepsDateOrNull(name: string): Kept<i32> {
  return keepAs<i32>(name, Type.DATE, true);
}
