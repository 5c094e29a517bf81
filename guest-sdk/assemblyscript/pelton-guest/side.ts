/**
 * Side tables: tables of the job, whole, for a transform to look up in.
 *
 * ```ts
 * const airlines = tableBy<string>("airlines", "carrier");
 * const airline = airlines.reads<string>("name");
 *
 * if (!airlines.find(carrier.value)) return reject(`no airline ${carrier.value}`);
 * ```
 *
 * A table has one row in view, which its columns say. What is loaded lives until the table comes again, in memory of its own: a call's
 * memory ends with it.
 */
import { Reading, convertedAs, valueOf } from "./columns";
import { alloc, getText, putList, putText, zeros } from "./memory";
import { suggest } from "./names";
import { Type, accepts, nameOf, sizeOf, typeOf, wants } from "./types";

/** Places in the record of an input, as in contract.ts. */
const INPUT_BYTES: usize = 52;
const FIELD_BYTES: usize = 24;

/** A table of the job. */
export class SideTable {
  readonly readings: Reading[] = [];
  /** How many rows it has. */
  length: i32 = 0;
  /** The row in view; -1: none. */
  row: i32 = -1;
  private hasCome: bool = false;
  /** For each column that is read its node. */
  private places: i32[] = [];
  /** What was taken of the heap for the rows. */
  private taken: usize[] = [];

  constructor(readonly name: string) {}

  /** A column that is read; a null in it stops the job. `T` is a number, `bool`, `string` or `Uint8Array`. */
  reads<T>(name: string): TableColumn<T> {
    return this.read<T>(name, typeOf<T>(), false);
  }

  /** The same with nulls: see `isNull`. */
  readsOrNull<T>(name: string): TableColumn<T> {
    return this.read<T>(name, typeOf<T>(), true);
  }

  /** Microseconds since 1970, UTC. */
  readsTimestamp(name: string): TableColumn<i64> {
    return this.read<i64>(name, Type.TIMESTAMP, false);
  }

  readsTimestampOrNull(name: string): TableColumn<i64> {
    return this.read<i64>(name, Type.TIMESTAMP, true);
  }

  /** Days since 1970. */
  readsDate(name: string): TableColumn<i32> {
    return this.read<i32>(name, Type.DATE, false);
  }

  readsDateOrNull(name: string): TableColumn<i32> {
    return this.read<i32>(name, Type.DATE, true);
  }

  /** Comes to the row at this position, in the order of the table; whether there is one. A position below zero counts from the end. */
  at(position: i32): bool {
    this.check();
    const row = position < 0 ? this.length + position : position;
    this.row = row >= 0 && row < this.length ? row : -1;
    return this.row >= 0;
  }

  /** Traps if the table has not come. */
  check(): void {
    assert(this.hasCome, "the table `" + this.name + "` did not come before the first rows");
  }

  /** Fits it to the one on offer; what is wrong, or an empty text. */
  fit(inputs: usize, count: i32): string {
    const names: string[] = [];
    let offered: usize = 0;
    for (let i = 0; i < count; i++) {
      const input = inputs + <usize>i * INPUT_BYTES;
      names.push(getText(input));
      if (names[i] == this.name) offered = input;
    }
    if (offered == 0) {
      return "this module looks up in the table `" + this.name + "`, which the operator is not offered: " + suggest(this.name, names);
    }
    this.places.length = 0;
    for (let i = 0; i < this.readings.length; i++) {
      const unfit = this.fitColumn(this.readings[i], load<usize>(offered, 8), load<u32>(offered, 12));
      if (unfit != "") return unfit;
    }
    return "";
  }

  /** Takes its rows, in the place of those that were there; what is wrong, or an empty text. */
  load(nodes: usize, rows: i32): string {
    this.hasCome = false;
    for (let i = 0; i < this.taken.length; i++) heap.free(this.taken[i]);
    this.taken.length = 0;
    this.length = rows;
    this.row = -1;
    for (let i = 0; i < this.readings.length; i++) {
      const column = this.readings[i];
      column.bind(nodes + <usize>this.places[i] * 12, rows);
      if (!column.nullable && column.valid != 0) {
        for (let row = 0; row < rows; row++) {
          if (column.isNullAt(row)) return "the table `" + this.name + "`: `" + column.name + "` of row " + row.toString() + " is null";
        }
        column.valid = 0;
      }
      this.keep(column, rows);
    }
    this.index();
    this.hasCome = true;
    return "";
  }

  /** Called when all columns are there. */
  protected index(): void {}

  private fitColumn(column: Reading, fields: usize, count: u32): string {
    const names: string[] = [];
    let skip: u32 = 0;
    for (let i: u32 = 0; i < count; i++) {
      const field = fields + <usize>i * FIELD_BYTES;
      // Children of lists and structs have nodes as well.
      if (skip > 0) {
        skip += load<u32>(field, 20) - 1;
        continue;
      }
      skip = load<u32>(field, 20);
      const name = getText(field);
      names.push(name);
      if (name != column.name) continue;
      column.format = getText(field + 8);
      this.places.push(i);
      if (accepts(column.type, column.format)) return "";
      return "column `" + name + "` is " + nameOf(column.format) + ", but the module reads it as " + wants(column.type, column.nullable);
    }
    const wanted = wants(column.type, column.nullable);
    const hint = suggest(column.name, names);
    return "the table `" + this.name + "` has no column `" + column.name + "`, which the module reads as " + wanted + ": " + hint;
  }

  /** Copies what the column points to. */
  private keep(column: Reading, rows: i32): void {
    if (column.valid != 0) column.valid = this.copied(column.valid, rows);
    const size = sizeOf(column.type);
    if (size > 0) {
      column.values = this.copied(column.values, <usize>rows * size);
      return;
    }
    const bytes = rows == 0 ? 0 : load<i32>(column.offsets + (<usize>rows << 2));
    column.offsets = this.copied(column.offsets, rows == 0 ? 0 : (<usize>rows + 1) << 2);
    column.values = this.copied(column.values, bytes);
  }

  private copied(from: usize, size: usize): usize {
    const at = heap.alloc(max(size, 1));
    if (size > 0) memory.copy(at, from, size);
    this.taken.push(at);
    return at;
  }

  private read<T>(name: string, type: Type, nullable: bool): TableColumn<T> {
    const column = new TableColumn<T>(name, type, nullable, this);
    this.readings.push(column);
    return column;
  }
}

/** A table with an index of one of its columns. */
export class IndexedTable<K> extends SideTable {
  /** The last row with each value of the first column that is read. */
  private rows: Map<K, i32> = new Map<K, i32>();

  constructor(name: string, column: string) {
    super(name);
    this.reads<K>(column);
  }

  /** Comes to the last row whose column has the value; whether there is one. */
  find(value: K): bool {
    this.check();
    this.row = this.rows.has(value) ? this.rows.get(value) : -1;
    return this.row >= 0;
  }

  protected index(): void {
    this.rows.clear();
    for (let row = 0; row < this.length; row++) this.rows.set(valueOf<K>(this.readings[0], row), row);
  }
}

/** A column of a side table. */
export class TableColumn<T> extends Reading {
  constructor(name: string, type: Type, nullable: bool, private table: SideTable) {
    super(name, type, nullable);
  }

  /** The value in the row in view; anything, where `isNull`. */
  get value(): T {
    assert(this.table.row >= 0, "no row of the table `" + this.table.name + "` is in view");
    return valueOf<T>(this, this.table.row);
  }

  get isNull(): bool {
    return this.isNullAt(this.table.row);
  }

  protected converted(values: usize, rows: i32): usize {
    return convertedAs<T>(this, values, rows);
  }
}

/** The side tables of the module. */
export const sideTables: SideTable[] = [];

/** A table of the job, by its name. */
export function table(name: string): SideTable {
  const made = new SideTable(name);
  sideTables.push(made);
  return made;
}

/** The same, whose rows are found by the values of a column: a number, `bool` or `string`. */
export function tableBy<K>(name: string, column: string): IndexedTable<K> {
  const made = new IndexedTable<K>(name, column);
  sideTables.push(made);
  return made;
}

/** Writes the names of the tables to the contract. */
export function putTables(at: usize): void {
  const names = alloc(<usize>sideTables.length * 8 + 8);
  for (let i = 0; i < sideTables.length; i++) putText(names + <usize>i * 8, sideTables[i].name);
  putList(at, names, sideTables.length);
}

/** Fits all of them to what is on offer; what is wrong, or an empty text. */
export function fitTables(inputs: usize, count: i32): string {
  for (let i = 0; i < sideTables.length; i++) {
    const unfit = sideTables[i].fit(inputs, count);
    if (unfit != "") return unfit;
  }
  return "";
}

/** Answers `load`. */
export function loadTable(name: usize, size: usize, rows: i32, nodes: usize): usize {
  const given = String.UTF8.decodeUnsafe(name, size);
  let why = "the table `" + given + "` came, but this module did not ask for it";
  for (let i = 0; i < sideTables.length; i++) if (sideTables[i].name == given) why = sideTables[i].load(nodes, rows);
  const result = zeros(16);
  if (why == "") return result;
  store<u8>(result, 1);
  // Fatal.
  store<u8>(result, 1, 4);
  putText(result + 8, why);
  return result;
}
