/** Columns as a module in Java reads and makes them: typed arrays, without an object for a row. */
import { nulls } from "../batch.ts";
import type { View } from "../columns.ts";
import { ARRAYS, bit, bytesOf, make, NOTHING, packed, view } from "../columns.ts";
import type { Column, Columns } from "../types.ts";
import type { Emitted, Node, Table } from "../wire.ts";

/** Columns that are read: their values by row, and which have one; null if all have. */
export interface Read {
  values: any[];
  valid: (Uint8Array | null)[];
}

/** Rows that are read; those with a null where none may be are refused. */
export interface Rows extends Read {
  refused: Uint8Array | null;
}

export function read(columns: Columns, nodes: readonly Node[], formats: readonly string[], rows: number): Read {
  const types = Object.values(columns);
  return readOf(types, types.map((type, at) => view(nodes[at]!, formats[at]!, type, rows)));
}

function readOf(types: Column<unknown>[], views: View[]): Read {
  return { values: views.map(({ whole }, at) => (types[at]!.nullable ? (whole as any).values : whole)), valid: views.map(({ valid }) => valid) };
}

export function readRows(columns: Columns, table: Table, formats: readonly string[], rejected: { row: number; reason: string }[]): Rows {
  const types = Object.values(columns);
  const views = types.map((type, at) => view(table.nodes[at]!, formats[at]!, type, table.rows));
  const refused = nulls(types, Object.keys(columns), views, table.rows, rejected);
  const flags = refused === null ? null : new Uint8Array(table.rows);
  for (const row of refused ?? []) flags![row] = 1;
  return { ...readOf(types, views), refused: flags };
}

/** The rows that are not refused, and their numbers. */
export function keptOf(columns: Columns, { values, valid, refused }: Rows, rows: number): Rows & { kept: Uint32Array } {
  const kept = Uint32Array.from([...Array(rows).keys()].filter((row) => refused![row] === 0));
  const types = Object.values(columns);
  return {
    kept,
    refused: null,
    values: values.map((of) => ArrayBuffer.isView(of)
      ? (of.constructor as any).from(kept, (row: number) => (of as any)[row])
      : { length: kept.length, get: (row: number) => of.get(kept[row]!) }),
    valid: valid.map((bits, at) => (bits === null || !types[at]!.nullable ? null : packed(Array.from(kept, (row) => bit(bits, row)), kept.length))),
  };
}

const FIRST_ROWS = 64;

/** The rows of an output as they are made: Java writes into `values`, `valid` and `numbers`, and asks for more room. */
export class Made {
  readonly names: string[];
  readonly values: any[];
  /** Of columns with nulls: 0 for a null. */
  readonly valid: (Uint8Array | null)[];
  /** What each row was made of. */
  numbers: Uint32Array;
  count = 0;
  capacity: number;
  readonly #types: Column<unknown>[];

  constructor(columns: Columns, rows: number) {
    this.#types = Object.values(columns);
    this.names = this.#types.map(({ column }, at) => column ?? Object.keys(columns)[at]!);
    this.capacity = Math.max(rows, FIRST_ROWS);
    this.values = this.#types.map((type) => room(type, this.capacity));
    this.valid = this.#types.map(({ nullable }) => (nullable ? new Uint8Array(this.capacity).fill(1) : null));
    this.numbers = new Uint32Array(this.capacity);
  }

  /** Twice the room; answers how much that is. */
  grow(): number {
    const before = this.capacity;
    this.capacity *= 2;
    for (const [at, type] of this.#types.entries()) {
      if (!ArrayBuffer.isView(this.values[at])) continue;
      const more = room(type, this.capacity);
      more.set(this.values[at]);
      this.values[at] = more;
    }
    for (const [at, valid] of this.valid.entries()) {
      if (valid === null) continue;
      const more = new Uint8Array(this.capacity).fill(1);
      more.set(valid.subarray(0, before));
      this.valid[at] = more;
    }
    const numbers = new Uint32Array(this.capacity);
    numbers.set(this.numbers);
    this.numbers = numbers;
    return this.capacity;
  }

  /** The columns, those at `order`. */
  nodes(order: readonly number[] = [...this.#types.keys()]): Node[] {
    return order.map((at) => this.#node(at));
  }

  #node(at: number): Node {
    const { count } = this;
    const [type, values, valid] = [this.#types[at]!, this.values[at], this.valid[at]?.subarray(0, count)];
    const hasNull = valid !== undefined && valid.includes(0);
    if (!ArrayBuffer.isView(values)) {
      const cells = Array.from({ length: count }, (_, row) => (hasNull && valid![row] === 0 ? null : values[row]));
      return make(this.names[at]!, type, cells, count);
    }
    const of = (values as any).subarray(0, count);
    return { rows: count, buffers: [hasNull ? packed(valid!, count) : NOTHING, type.kind === "bool" ? packed(of, count) : bytesOf(of)] };
  }

  /** As an output of `rows` rows. */
  emitted(port: number, order: readonly number[], rows: number): Emitted {
    const numbers = this.numbers.subarray(0, this.count);
    const isOwn = numbers.length === rows && numbers.every((from, at) => from === at);
    return { port, origin: isOwn ? null : bytesOf(numbers), computed: { rows: this.count, nodes: this.nodes(order) } };
  }
}

/** Room for values: a typed array, or a list of texts or bytes. */
function room({ kind, format }: Column<unknown>, rows: number): any {
  if (kind === "text" || kind === "bytes") return [];
  if (kind === "bool") return new Uint8Array(rows);
  return kind === "timestamp" ? new BigInt64Array(rows) : new ARRAYS[format](rows);
}

/** The places of fields among `names`. */
export const placesOf = (order: readonly string[], names: readonly string[]): number[] => order.map((field) => names.indexOf(field));
