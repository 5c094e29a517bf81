/**
 * `transform(…)`: a function of one row, or of whole columns, as an operator. What it may answer is in `rows.ts`.
 */
import type { NullableColumn, View } from "./columns.ts";
import { bytesOf, make } from "./columns.ts";
import { Context } from "./context.ts";
import type { Passing, Plan } from "./contract.ts";
import { fitPorts, readOptions } from "./contract.ts";
import type { BuiltOf, SideTables } from "./lookups.ts";
import { Lookups } from "./lookups.ts";
import type { PortSpec, Ports } from "./ports.ts";
import { portSpecs } from "./ports.ts";
import type { Answer, Common, Given, Loaded } from "./rows.ts";
import { load, runRows } from "./rows.ts";
import type { Column, Columns, Row } from "./types.ts";
import type { BatchContext, Contract, Emitted, Input, Output, Table } from "./wire.ts";

/** What is given besides the row. */
export interface GivenRow<O extends Columns, T extends SideTables> extends Given<O> {
  /** What was built of the side tables. */
  readonly tables: BuiltOf<T>;
}

/** A column as a function at column level sees it: a typed array, with `orNull` beside which rows have a value. */
type Whole<C> = C extends Column<infer T, infer A> ? (null extends T ? NullableColumn<A> : A) : never;
export type Batch<R extends Columns> = { readonly [K in keyof R]: Whole<R[K]> };
type MadeColumn<C> = C extends Column<infer T, infer A> ? A | readonly T[] : never;

/** What a function at column level answers; `origin` has the input row of each row made, in order, none says row for row. */
export interface Emit<M extends Columns> {
  columns: { readonly [K in keyof M]: MadeColumn<M[K]> };
  origin?: Uint32Array;
  rejected?: { row: number; reason: string }[];
}

export type Definition<
  R extends Columns, M extends Columns, O extends Columns, P extends Ports = {}, T extends SideTables = {},
> = Common<R, M, O, P> & {
  /** Tables of the job, whole, to look up in: `{ airlines: table({ carrier: utf8, name: utf8 }, (rows) => …) }`. */
  tables?: T;
} &
  (
    | { row(row: Row<R>, given: GivenRow<O, T>): Answer<M, P> }
    | { columns(columns: Batch<R>, given: GivenRow<O, T> & { rows: number }): Emit<M> }
  );

/** An operator; `row` is the author's own function. */
export class Transform<
  R extends Columns = Columns, M extends Columns = Columns, O extends Columns = Columns, P extends Ports = Ports,
  T extends SideTables = SideTables,
> {
  readonly reads: R;
  readonly makes: M;
  readonly row?: (row: Row<R>, given: GivenRow<O, T>) => Answer<M, P>;
  readonly #options: O;
  readonly #columns?: (columns: any, given: any) => Emit<M>;
  readonly #passing: Passing;
  readonly #ports: PortSpec[];
  readonly #hasPorts: boolean;
  readonly #tables: SideTables;
  #opened: { plan: Plan; options: any; lookups: Lookups } | null = null;

  constructor(definition: Definition<R, M, O, P, T>) {
    const { reads, makes, options, passes = "all", drop = [], rename = {} } = definition;
    this.reads = reads;
    this.makes = makes ?? ({} as M);
    this.#options = options ?? ({} as O);
    this.#passing = { passes, drop, rename };
    this.#ports = portSpecs(definition, "all");
    this.#hasPorts = definition.ports !== undefined;
    this.#tables = definition.tables ?? {};
    if ("row" in definition) this.row = definition.row;
    else this.#columns = definition.columns;
    if (this.#columns !== undefined && this.#hasPorts) throw new Error("`columns` has one output: write `row` for several");
  }

  /** Throws `Unfit` with words for the job's owner. */
  open(inputs: Input[], options: string): Contract {
    const read = readOptions(this.#options, options);
    const [contract, plan] = fitPorts(inputs, this.reads, this.#ports, this.#passing);
    this.#opened = { plan, options: read, lookups: new Lookups(this.#tables, inputs) };
    return { ...contract, tables: Object.keys(this.#tables) };
  }

  /** Replaces a side table. */
  load(name: string, rows: Table): void {
    this.#opened!.lookups.load(name, rows);
  }

  process(context: BatchContext, table: Table): Output {
    const { plan, options, lookups } = this.#opened!;
    const loaded = load(this.reads, table, plan.formats);
    const place = { row: 0 };
    const given = { options, ctx: new Context(context, place), tables: lookups.built as BuiltOf<T> };
    const outputs = { specs: this.#ports, orders: plan.orders, hasPorts: this.#hasPorts };
    const emitted = this.row === undefined ? [this.#wholes(loaded, given)] : runRows(loaded, this.row, given, place, outputs);
    return { emitted, rejected: loaded.rejected.sort((a, b) => a.row - b.row) };
  }

  #wholes({ fields, types, views, rows, refused, rejected }: Loaded, given: GivenRow<O, T>): Emitted {
    let kept: number[] | null = null;
    let shown = views;
    if (refused !== null) {
      kept = [];
      for (let row = 0; row < rows; row++) if (!refused.has(row)) kept.push(row);
      shown = views.map((view, at) => taken(view, types[at]!, kept!));
    }
    const count = kept === null ? rows : kept.length;
    const columns = Object.fromEntries(fields.map((field, at) => [field, shown[at]!.whole]));
    const answer = this.#columns!(columns, { ...given, rows: count });
    const made = answer.origin === undefined ? count : answer.origin.length;
    for (const { row, reason } of answer.rejected ?? []) rejected.push({ row: kept === null ? row : kept[row]!, reason });
    const nodes = this.#opened!.plan.order.map((field) => {
      const type = this.makes[field]!;
      return make(type.column ?? field, type, (answer.columns as any)[field], made);
    });
    let origin = answer.origin ?? null;
    if (kept !== null) origin = Uint32Array.from(origin ?? kept.keys(), (row) => kept![row]!);
    return { port: 0, origin: origin === null ? null : bytesOf(origin), computed: { rows: made, nodes } };
  }
}

/** Some rows of a column, where others had nulls that the function does not take. */
function taken(of: View, type: Column<unknown>, rows: number[]): View {
  const get = (row: number): unknown => of.get(rows[row]!);
  const inner: any = type.nullable ? (of.whole as NullableColumn<any>).values : of.whole;
  const values = ArrayBuffer.isView(inner)
    ? (inner.constructor as any).from(rows, (row: number) => (inner as any)[row])
    : { length: rows.length, get };
  const isValid = (row: number): boolean => (of.whole as NullableColumn<any>).isValid(rows[row]!);
  return { get, numbers: null, whole: type.nullable ? { values, isValid } : values, valid: null };
}

/** Makes a definition an operator. A module exports one. */
export function transform<
  R extends Columns, M extends Columns = {}, O extends Columns = {}, P extends Ports = {}, T extends SideTables = {},
>(definition: Definition<R, M, O, P, T>): Transform<R, M, O, P, T> {
  return new Transform(definition);
}
