/**
 * What the engine keeps for each key or group: columns of the module's table of state, one row for each.
 *
 * Every such column is nullable in the contract, for a row of nulls stands for nothing; in one that is declared without `OrNull` a null is
 * read as zero. A cell is a value, or where it is text the address and the size of its bytes.
 */
import { bitsOfBytes, bytesOfBits, slot, textAt } from "./columns";
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
    memory.fill(this.cells + <usize>slot * this.cellSize, 0, this.cellSize);
  }

  bind(node: usize, rows: i32): void {
    this.valid = validOf(node, rows);
    this.cells = this.cellsOf(node, this.valid, rows);
  }

  bindLater(node: usize, rows: i32): void {
    this.otherValid = validOf(node, rows);
    this.otherCells = this.cellsOf(node, this.otherValid, rows);
  }

  /** Remembers what is kept, so that a change can be told. */
  remember(rows: i32): void {
    this.otherValid = alloc(rows);
    memory.copy(this.otherValid, this.valid, rows);
    const size = <usize>rows * this.cellSize;
    this.otherCells = alloc(size);
    memory.copy(this.otherCells, this.cells, size);
  }

  /** Whether the key's cell is as it was: by its bits, so that a NaN is the same as itself. */
  get isAsBefore(): bool {
    if (this.nullable && load<u8>(this.valid + slot) != load<u8>(this.otherValid + slot)) return false;
    const cell = this.cells + <usize>slot * this.cellSize;
    const other = this.otherCells + <usize>slot * this.cellSize;
    if (sizeOf(this.type) > 0) return memory.compare(cell, other, this.cellSize) == 0;
    const size = load<usize>(cell, 4);
    return size == load<usize>(other, 4) && memory.compare(load<usize>(cell), load<usize>(other), size) == 0;
  }

  /** Writes the column as a node of a table: the rows in `chosen` (u32), or if that is 0 the first `rows`. */
  write(node: usize, rows: i32, chosen: usize): void {
    const buffers = zeros(24);
    store<u32>(node, rows);
    store<usize>(node, buffers, 4);
    store<usize>(buffers, 16);
    if (this.nullable) this.writeNulls(buffers, rows, chosen);
    const size = sizeOf(this.type);
    if (size == 0) {
      store<u32>(node, 3, 8);
      this.writeTexts(buffers, rows, chosen);
      return;
    }
    let values = this.cells;
    if (chosen != 0) {
      values = alloc(<usize>rows * size);
      for (let i = 0; i < rows; i++) memory.copy(values + <usize>i * size, this.cells + rowOf(chosen, i) * size, size);
    }
    store<u32>(node, 2, 8);
    if (this.type == Type.BOOL) putList(buffers + 8, bitsOfBytes(values, rows), (<usize>rows + 7) >> 3);
    else putList(buffers + 8, values, <usize>rows * size);
  }

  private get cellSize(): usize {
    const size = sizeOf(this.type);
    return size == 0 ? 8 : size;
  }

  /** The cells of a node, zero where they are null. */
  private cellsOf(node: usize, valid: usize, rows: i32): usize {
    const buffers = load<usize>(node, 4);
    const values = load<usize>(buffers, 8);
    const size = this.cellSize;
    let cells = values;
    if (sizeOf(this.type) == 0) {
      cells = alloc(<usize>rows * size);
      const bytes = load<usize>(buffers, 16);
      for (let row = 0; row < rows; row++) {
        const start = load<i32>(values + (<usize>row << 2));
        putList(cells + (<usize>row << 3), bytes + start, load<i32>(values + (<usize>row << 2), 4) - start);
      }
    } else if (this.type == Type.BOOL) {
      cells = bytesOfBits(values, rows);
    }
    for (let row = 0; row < rows; row++) {
      if (load<u8>(valid + row) == 0) memory.fill(cells + <usize>row * size, 0, size);
    }
    return cells;
  }

  private writeNulls(buffers: usize, rows: i32, chosen: usize): void {
    let valid = this.valid;
    if (chosen != 0) {
      valid = alloc(rows);
      for (let i = 0; i < rows; i++) store<u8>(valid + i, load<u8>(this.valid + rowOf(chosen, i)));
    }
    putList(buffers, bitsOfBytes(valid, rows), (<usize>rows + 7) >> 3);
  }

  private writeTexts(buffers: usize, rows: i32, chosen: usize): void {
    const offsets = alloc((<usize>rows + 1) << 2);
    let total: usize = 0;
    for (let i = 0; i < rows; i++) {
      store<u32>(offsets + (<usize>i << 2), <u32>total);
      total += load<usize>(this.cells + (rowOf(chosen, i) << 3), 4);
      assert(total <= <usize>i32.MAX_VALUE, "a column of text is longer than 2 GiB");
    }
    store<u32>(offsets + (<usize>rows << 2), <u32>total);
    const bytes = alloc(total);
    for (let i = 0; i < rows; i++) {
      const cell = this.cells + (rowOf(chosen, i) << 3);
      memory.copy(bytes + load<u32>(offsets + (<usize>i << 2)), load<usize>(cell), load<usize>(cell, 4));
    }
    putList(buffers + 8, offsets, (<usize>rows + 1) << 2);
    putList(buffers + 16, bytes, total);
  }
}

@inline
function rowOf(chosen: usize, at: i32): usize {
  return chosen == 0 ? <usize>at : <usize>load<u32>(chosen + (<usize>at << 2));
}

/** A byte for each row of a node, 0 where it is null. */
function validOf(node: usize, rows: i32): usize {
  const buffers = load<usize>(node, 4);
  if (load<usize>(buffers, 4) != 0) return bytesOfBits(load<usize>(buffers), rows);
  const valid = alloc(rows);
  memory.fill(valid, 1, rows);
  return valid;
}

/** A column of `T` that the engine keeps for each key or group; zero, empty or null where nothing is kept. */
export class Kept<T> extends Keeping {
  @inline
  get value(): T {
    return valueAt<T>(this.cells);
  }

  @inline
  set value(value: T) {
    isKept = true;
    store<u8>(this.valid + slot, 1);
    if (isString<T>()) {
      const text = changetype<string>(value);
      const size = <usize>String.UTF8.byteLength(text);
      const bytes = alloc(size);
      String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, bytes);
      putList(this.cells + (<usize>slot << 3), bytes, size);
    } else if (isReference<T>()) {
      const given = changetype<Uint8Array>(value);
      const bytes = alloc(given.length);
      memory.copy(bytes, given.dataStart, given.length);
      putList(this.cells + (<usize>slot << 3), bytes, given.length);
    } else {
      store<T>(this.cells + (<usize>slot << alignof<T>()), value);
    }
  }

  /** In `merge`: what rows that came later were folded to. */
  @inline
  get later(): T {
    return valueAt<T>(this.otherCells);
  }
}

@inline
function valueAt<T>(cells: usize): T {
  if (isReference<T>()) {
    const cell = cells + (<usize>slot << 3);
    return textAt<T>(load<usize>(cell), load<usize>(cell, 4));
  } else if (isBoolean<T>()) {
    return <T>(load<u8>(cells + slot) != 0);
  } else {
    return load<T>(cells + (<usize>slot << alignof<T>()));
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
