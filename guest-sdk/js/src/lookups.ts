/**
 * Side tables: whole tables that the engine hands to a transform before its rows, as something to look up in.
 *
 * What is built of a table is a cache: the engine hands the table over again to every instance, and whenever it changes.
 */
import { compile } from "./batch.ts";
import { Unfit, view } from "./columns.ts";
import { readFormat, topLevel } from "./contract.ts";
import { suggest } from "./names.ts";
import type { Columns, Row } from "./types.ts";
import type { Input, Table } from "./wire.ts";

/** A table that a transform asks for, and what it makes of the rows. */
export interface SideTable<R extends Columns, V> {
  /** Columns of the table that `build` sees; a null where `orNull` is not said stops the job. */
  readonly reads: R;
  build(rows: readonly Row<R>[]): V;
}

export type SideTables = Readonly<Record<string, SideTable<any, any>>>;
/** What was built of each. */
export type BuiltOf<T extends SideTables> = { readonly [N in keyof T]: T[N] extends SideTable<any, infer V> ? V : never };

/** `tables: { airlines: table({ carrier: utf8, name: utf8 }, (rows) => new Map(rows.map((row) => [row.carrier, row.name]))) }` */
export const table = <R extends Columns, V>(reads: R, build: (rows: readonly Row<R>[]) => V): SideTable<R, V> => ({ reads, build });

/** The tables of a transform, as `open` agreed on them. */
export class Lookups {
  readonly #tables: SideTables;
  readonly #places = new Map<string, { node: number; format: string }[]>();
  #built: Record<string, unknown> = {};

  /** Fits what is read to the tables on offer. */
  constructor(tables: SideTables, inputs: readonly Input[]) {
    this.#tables = tables;
    const offered = inputs.filter(({ mode }) => mode === "table");
    for (const [name, { reads }] of Object.entries(tables)) {
      const table = offered.find((input) => input.name === name);
      if (table === undefined) {
        const hint = suggest(name, offered.map(({ name }) => name));
        throw new Unfit(`this module looks up in the table \`${name}\`, which the operator is not offered: ${hint}`);
      }
      const columns = topLevel(table.fields);
      const places = Object.entries(reads as Columns).map(([field, type]) => {
        const format = readFormat(field, type, columns, `the table \`${name}\``);
        // Children of lists and structs have nodes as well.
        return { node: table.fields.findIndex((of) => of === columns.get(type.column ?? field)), format };
      });
      this.#places.set(name, places);
    }
  }

  /** Builds what is looked up in, in the place of what was there. */
  load(name: string, { rows, nodes }: Table): void {
    const places = this.#places.get(name);
    if (places === undefined) throw new Unfit(`the table \`${name}\` came, but this module did not ask for it`);
    // The old one goes first: both may not fit.
    delete this.#built[name];
    const { reads, build } = this.#tables[name]!;
    const fields = Object.keys(reads);
    const views = fields.map((field, at) => view(nodes[places[at]!.node]!, places[at]!.format, reads[field], rows));
    const read = compile(fields, views);
    for (const [at, { valid }] of views.entries()) {
      const type = reads[fields[at]!];
      for (let row = 0; valid !== null && !type.nullable && row < rows; row++) {
        if (((valid[row >> 3]! >> (row & 7)) & 1) === 1) continue;
        throw new Unfit(`the table \`${name}\`: \`${type.column ?? fields[at]}\` of row ${row} is null`);
      }
    }
    this.#built[name] = build(Array.from({ length: rows }, (_, row) => read(row)));
  }

  /** What the function is given. */
  get built(): Record<string, unknown> {
    for (const name of this.#places.keys()) {
      if (!(name in this.#built)) throw new Unfit(`the table \`${name}\` did not come before the first rows`);
    }
    return this.#built;
  }
}
