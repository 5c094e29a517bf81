/**
 * Tables of state that have many rows for a key: what lists and maps have in common.
 *
 * Nothing of them comes with a call: the function reads what it needs, part by part, as of the call's start, so that a key costs what its
 * function reads of it. What the call has changed, later reads of it see; the engine gets the changes when the function returns.
 *
 * A row is memory of the call: for each column, those of the subkey first, a cell and at `VALID` a byte, 0 where it is null.
 */
import { cellSize, cellsOf, getCell, putCell, validOf, writeCells } from "./cells";
import { slot } from "./columns";
import { alloc, putList, putText, zeros } from "./memory";
import { Type, formatOf, sizeOf, typeOf } from "./types";

@external("pelton:operator/state@0.1.0", "get")
declare function hostGet(
  table: u32, keys: usize, keysSize: usize, hasFrom: u32, fromRows: u32, fromNodes: usize, fromCount: usize, hasTo: u32, toRows: u32,
  toNodes: usize, toCount: usize, limit: u32, descending: u32, answer: usize,
): void;

/** Rows of the first part that is read, of the largest, and bytes of a part, about. */
export const FIRST_ROWS: i32 = 16;
const ROWS_MAX: usize = 4096;
const PART_BYTES: usize = 128 << 10;

const VALID: usize = 8;
const ROOM: usize = 16;

export const PUT: u8 = 0;
export const DELETE: u8 = 1;
export const APPEND: u8 = 2;

/** A column of a list or map, whatever its values are. */
export abstract class Holding {
  /** That of the row that was come to, or that is to be put: it lives as long as the module. */
  readonly cell: usize = heap.alloc(ROOM);

  constructor(public name: string, public type: Type, public nullable: bool) {
    this.empty();
  }

  @inline
  get isNull(): bool {
    return load<u8>(this.cell, VALID) == 0;
  }

  /** Makes it null. */
  setNull(): void {
    assert(this.nullable, "`" + this.name + "` has no nulls: declare it by holdsOrNull");
    this.empty();
  }

  /** Zero, empty or null. */
  empty(): void {
    memory.fill(this.cell, 0, ROOM);
  }
}

/** A column of `T` in a list or map. */
export class Held<T> extends Holding {
  @inline
  get value(): T {
    return getCell<T>(this.cell);
  }

  @inline
  set value(value: T) {
    store<u8>(this.cell, 1, VALID);
    putCell<T>(this.cell, value);
  }
}

/** Lists and maps, in the order in which the module declares them. */
export const stored: Stored[] = [];

/** A list or map of one key after the other, with the changes of all. */
export abstract class Stored {
  /** Its place among the tables of the contract. */
  index: u32 = 0;
  readonly subkey: Holding[] = [];
  readonly values: Holding[] = [];
  /** What a map's call has put or taken away, in order of subkey. */
  changed: usize[] = [];
  isGone: bool[] = [];
  /** Bytes of the part that was read last. */
  partBytes: usize = 0;
  /** The changes of all keys. */
  private kinds: u8[] = [];
  private keys: u32[] = [];
  private rows: usize[] = [];

  constructor(public name: string) {
    stored.push(this);
  }

  /** Whether it is a list, whose rows the engine numbers. */
  isList(): bool {
    return false;
  }

  /** Its columns, each with its format, for messages. */
  shown(): string[] {
    return this.subkey.concat(this.values).map<string>((column) => column.name + ": " + formatOf(column.type));
  }

  /** A value in each row. `T` is a number, `bool`, `string` or `Uint8Array`. */
  holds<T>(name: string): Held<T> {
    return this.hold<T>(name, typeOf<T>(), false);
  }

  /** The same with nulls: see `isNull`. */
  holdsOrNull<T>(name: string): Held<T> {
    return this.hold<T>(name, typeOf<T>(), true);
  }

  /** Microseconds since 1970, UTC. */
  holdsTimestamp(name: string): Held<i64> {
    return this.hold<i64>(name, Type.TIMESTAMP, false);
  }

  holdsTimestampOrNull(name: string): Held<i64> {
    return this.hold<i64>(name, Type.TIMESTAMP, true);
  }

  /** Days since 1970. */
  holdsDate(name: string): Held<i32> {
    return this.hold<i32>(name, Type.DATE, false);
  }

  holdsDateOrNull(name: string): Held<i32> {
    return this.hold<i32>(name, Type.DATE, true);
  }

  private hold<T>(name: string, type: Type, nullable: bool): Held<T> {
    const column = new Held<T>(name, type, nullable);
    this.values.push(column);
    return column;
  }

  /** Forgets what was put in a call before. */
  begin(index: u32): void {
    this.index = index;
    this.kinds = [];
    this.keys = [];
    this.rows = [];
  }

  /** Goes on to another key. */
  enter(): void {
    for (let i = 0; i < this.subkey.length; i++) this.subkey[i].empty();
    for (let i = 0; i < this.values.length; i++) this.values[i].empty();
    this.changed = [];
    this.isGone = [];
  }

  /** Notes what was changed of the key. */
  abstract leave(): void;

  note(kind: u8, row: usize): void {
    this.kinds.push(kind);
    this.keys.push(slot);
    this.rows.push(kind == DELETE ? this.withoutValues(row) : row);
  }

  get width(): usize {
    return <usize>(this.subkey.length + this.values.length) * ROOM;
  }

  /** Of what is taken away the engine looks at the subkey alone. */
  private withoutValues(row: usize): usize {
    const bare = zeros(this.width);
    memory.copy(bare, row, <usize>this.subkey.length * ROOM);
    return bare;
  }

  /** A row of what the columns say now. */
  here(): usize {
    const row = alloc(this.width);
    for (let i = 0; i < this.subkey.length; i++) memory.copy(row + <usize>i * ROOM, this.subkey[i].cell, ROOM);
    const values = row + <usize>this.subkey.length * ROOM;
    for (let i = 0; i < this.values.length; i++) memory.copy(values + <usize>i * ROOM, this.values[i].cell, ROOM);
    return row;
  }

  /** Makes the columns say what the row does. */
  show(row: usize): void {
    for (let i = 0; i < this.subkey.length; i++) memory.copy(this.subkey[i].cell, row + <usize>i * ROOM, ROOM);
    this.showValues(row);
  }

  showValues(row: usize): void {
    const values = row + <usize>this.subkey.length * ROOM;
    for (let i = 0; i < this.values.length; i++) memory.copy(this.values[i].cell, values + <usize>i * ROOM, ROOM);
  }

  /** Of two rows: below zero if the subkey of the first is earlier in the engine's order. */
  compare(left: usize, right: usize): i32 {
    for (let i = 0; i < this.subkey.length; i++) {
      const order = compareCells(this.subkey[i].type, left + <usize>i * ROOM, right + <usize>i * ROOM);
      if (order != 0) return order;
    }
    return 0;
  }

  /** Where the first change stands that is not before the row's subkey, or is after it. */
  placeOf(row: usize, isAfter: bool): i32 {
    let low = 0;
    let high = this.changed.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const order = this.compare(this.changed[middle], row);
      if (order < 0 || (isAfter && order == 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The first rows that the engine has from the subkey of `low` (included) to that of `high` (excluded); 0 is no bound. */
  read(low: usize, high: usize, limit: i32, backward: bool): usize[] {
    const key = alloc(4);
    store<u32>(key, slot);
    const count = this.subkey.length;
    const answer = zeros(12);
    hostGet(
      this.index, key, 4, u32(low != 0), 1, this.nodesOf(low), low == 0 ? 0 : count, u32(high != 0), 1, this.nodesOf(high),
      high == 0 ? 0 : count, limit, u32(backward), answer,
    );
    const rows = load<i32>(answer);
    const nodes = load<usize>(answer, 4);
    this.partBytes = sizeOfNodes(nodes, load<i32>(answer, 8));
    const first = alloc(<usize>rows * this.width);
    // The first column says which key each row is of: the only one that was asked for.
    for (let i = 0; i < count; i++) this.load(this.subkey[i], nodes + <usize>(i + 1) * 12, first + <usize>i * ROOM, rows);
    for (let i = 0; i < this.values.length; i++) {
      this.load(this.values[i], nodes + <usize>(count + i + 1) * 12, first + <usize>(count + i) * ROOM, rows);
    }
    const read = new Array<usize>(rows);
    for (let i = 0; i < rows; i++) read[i] = first + <usize>i * this.width;
    return read;
  }

  /** How many rows are read after so many, which came in `partBytes`: larger parts, but not too large. */
  larger(limit: i32, rows: i32): i32 {
    const fit = PART_BYTES / max(this.partBytes / <usize>max(rows, 1), 1);
    return max(1, <i32>min(min(<usize>limit * 8, fit), ROWS_MAX));
  }

  /** Writes the changes of all keys as a record; false if there are none. */
  putChanges(at: usize): bool {
    if (this.rows.length == 0) return false;
    store<u32>(at, this.index);
    putList(at + 4, this.kinds.dataStart, this.kinds.length);
    putList(at + 12, this.keys.dataStart, <usize>this.keys.length << 2);
    const nodes = zeros(<usize>(this.subkey.length + this.values.length) * 12);
    const count = this.subkey.length;
    for (let i = 0; i < count; i++) writeColumn(nodes + <usize>i * 12, this.subkey[i], this.rows, i);
    for (let i = 0; i < this.values.length; i++) {
      writeColumn(nodes + <usize>(count + i) * 12, this.values[i], this.rows, count + i);
    }
    store<u32>(at, this.rows.length, 20);
    putList(at + 24, nodes, count + this.values.length);
    return true;
  }

  /** Writes what the contract says of it. */
  putFields(at: usize): void {
    for (let i = 0; i < this.values.length; i++) {
      for (let j = 0; j < this.subkey.length; j++) {
        assert(this.subkey[j].name != this.values[i].name, "`" + this.name + "` has a column in its subkey and in its values: rename one");
      }
    }
    putText(at, this.name);
    putColumns(at + 8, this.subkey);
    putColumns(at + 16, this.values);
  }

  /** The subkey of a row, as nodes of a table of one row. */
  private nodesOf(row: usize): usize {
    if (row == 0) return 0;
    const nodes = zeros(<usize>this.subkey.length * 12);
    for (let i = 0; i < this.subkey.length; i++) writeColumn(nodes + <usize>i * 12, this.subkey[i], [row], i);
    return nodes;
  }

  /** Cells of a node to the rows, of which the first has its cell at `to`. */
  private load(column: Holding, node: usize, to: usize, rows: i32): void {
    const valid = validOf(node, rows);
    const cells = cellsOf(column.type, node, valid, rows);
    const size = cellSize(column.type);
    for (let i = 0; i < rows; i++) {
      const cell = to + <usize>i * this.width;
      memory.copy(cell, cells + <usize>i * size, size);
      store<u8>(cell, load<u8>(valid + i), VALID);
    }
  }
}

/** One column of rows, as a node. */
function writeColumn(node: usize, column: Holding, rows: usize[], place: i32): void {
  const size = cellSize(column.type);
  const cells = alloc(<usize>rows.length * size);
  const valid = alloc(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const cell = rows[i] + <usize>place * ROOM;
    memory.copy(cells + <usize>i * size, cell, size);
    store<u8>(valid + i, load<u8>(cell, VALID));
  }
  writeCells(node, column.type, cells, column.nullable ? valid : 0, rows.length, 0);
}

/** Columns as they say, not all nullable as those of `keeps` are. */
function putColumns(at: usize, columns: Holding[]): void {
  const fields = zeros(<usize>columns.length * 24);
  for (let i = 0; i < columns.length; i++) {
    const field = fields + <usize>i * 24;
    putText(field, columns[i].name);
    putText(field + 8, formatOf(columns[i].type));
    store<u8>(field, u8(columns[i].nullable), 16);
  }
  putList(at, fields, columns.length);
}

function sizeOfNodes(nodes: usize, count: i32): usize {
  let size: usize = 0;
  for (let i = 0; i < count; i++) {
    const node = nodes + <usize>i * 12;
    const buffers = load<usize>(node, 4);
    for (let j: u32 = 0; j < load<u32>(node, 8); j++) size += load<usize>(buffers + (<usize>j << 3), 4);
  }
  return size;
}

@inline
function order<T>(left: usize, right: usize): i32 {
  const a = load<T>(left);
  const b = load<T>(right);
  return i32(a > b) - i32(a < b);
}

function compareCells(type: Type, left: usize, right: usize): i32 {
  switch (type) {
    case Type.S8: return order<i8>(left, right);
    case Type.S16: return order<i16>(left, right);
    case Type.S32: case Type.DATE: return order<i32>(left, right);
    case Type.S64: case Type.TIMESTAMP: return order<i64>(left, right);
    case Type.BOOL: case Type.U8: return order<u8>(left, right);
    case Type.U16: return order<u16>(left, right);
    case Type.U32: return order<u32>(left, right);
    case Type.U64: return order<u64>(left, right);
    default: {
      const size = load<usize>(left, 4);
      const other = load<usize>(right, 4);
      const bytes = memory.compare(load<usize>(left), load<usize>(right), min(size, other));
      return bytes != 0 ? bytes : i32(size > other) - i32(size < other);
    }
  }
}

/** Begins a call; `first` is the place of the first list or map among the tables of the contract. */
export function beginStored(first: u32): void {
  for (let i = 0; i < stored.length; i++) stored[i].begin(first + i);
}

export function enterStored(): void {
  for (let i = 0; i < stored.length; i++) stored[i].enter();
}

export function leaveStored(): void {
  for (let i = 0; i < stored.length; i++) stored[i].leave();
}
