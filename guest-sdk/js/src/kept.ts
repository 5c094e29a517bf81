/**
 * What the engine keeps: columns that are the fields of an accumulator or of a key's state. A row of nulls stands for nothing, so every
 * such column is nullable, whether its field is or not.
 */
import { make, Unfit, view } from "./columns.ts";
import type { Column, Columns } from "./types.ts";
import type { Field, Table } from "./wire.ts";

export class Kept {
  readonly #fields: string[];
  readonly #types: Column<any>[];
  /** What a null of the field stands for; none: null. */
  readonly #zero: Readonly<Record<string, unknown>>;

  constructor(columns: Columns, zero: Readonly<Record<string, unknown>> = {}) {
    this.#fields = Object.keys(columns);
    this.#types = Object.values(columns);
    this.#zero = zero;
  }

  fields(): Field[] {
    return this.#types.map(({ column, format }, at) => ({
      name: column ?? this.#fields[at]!, format, nullable: true, children: 0,
    }));
  }

  /** An object for each row; nulls are those of `zero`. */
  load(table: Table): Record<string, unknown>[] {
    const views = this.#types.map((type, at) => view(table.nodes[at]!, type.format, type, table.rows));
    return Array.from({ length: table.rows }, (_, row) => {
      const read: Record<string, unknown> = {};
      for (const [at, field] of this.#fields.entries()) {
        const { valid, get } = views[at]!;
        const isNull = valid !== null && ((valid[row >> 3]! >> (row & 7)) & 1) === 0;
        read[field] = isNull ? this.#zero[field] ?? null : get(row);
      }
      return read;
    });
  }

  /** Columns from an object for each row; null for a row of nulls. */
  store(rows: readonly (Record<string, unknown> | null)[]): Table {
    const nodes = this.#fields.map((field, at) => {
      const type = this.#types[at]!;
      const name = type.column ?? field;
      const values = rows.map((row) => (row === null ? null : this.#checked(row, field, type)));
      return make(name, type.orNull.named(name), values, rows.length);
    });
    return { rows: rows.length, nodes };
  }

  #checked(row: Record<string, unknown>, field: string, type: Column<any>): unknown {
    const value = row[field] ?? null;
    if (value === null && !type.nullable) throw new Unfit(`\`${field}\` of what is kept is ${row[field]}, and not \`orNull\``);
    return value;
  }

  isNothing(row: Record<string, unknown>): boolean {
    return this.#fields.every((field) => row[field] === null);
  }

  /** Whether both are the same, bit for bit. */
  isSame(left: Record<string, unknown>, right: Record<string, unknown>): boolean {
    return this.#fields.every((field) => {
      const [a, b] = [left[field] ?? null, right[field] ?? null];
      if (a instanceof Uint8Array && b instanceof Uint8Array) return a.length === b.length && a.every((byte, at) => byte === b[at]);
      return Object.is(a, b);
    });
  }
}
