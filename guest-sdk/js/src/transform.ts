/**
 * `transform(…)`: a function of one row, or of whole columns, as an operator.
 *
 * A row function answers with a row (map), null (the row is left out), a boolean (a filter that computes nothing), a list or a
 * generator of rows (flat-map), or `reject(reason)`. With `ports` a row says to which output it goes: `{ parsed: { level } }`.
 */
import { compile, nulls } from "./batch.ts";
import type { NullableColumn, View } from "./columns.ts";
import { bytesOf, make, view } from "./columns.ts";
import { Context } from "./context.ts";
import type { Passing, Plan } from "./contract.ts";
import { fitPorts, readOptions } from "./contract.ts";
import type { BuiltOf, SideTables } from "./lookups.ts";
import { Lookups } from "./lookups.ts";
import type { PortSpec, Ports, RowOfPorts } from "./ports.ts";
import { emitted, portSpecs, Sinks } from "./ports.ts";
import type { Column, Columns, Row } from "./types.ts";
import type { BatchContext, Contract, Emitted, Input, Output, Table } from "./wire.ts";

/** What a row function answers to refuse its row. */
export interface Rejection {
  readonly rejected: string;
}

/** Refuses the row, which goes to `operator.rejected` with the reason: `return reject("no level")`. */
export const reject = (reason: string): Rejection => new Refused(reason);

export class Refused implements Rejection {
  readonly rejected: string;
  constructor(reason: string) {
    this.rejected = reason;
  }
}

/** The same from within other functions: `throw new Reject("no level")`. */
export class Reject extends Error {}

export interface Given<O extends Columns> {
  readonly options: Row<O>;
  readonly ctx: Context;
}

/** The same of a transform. */
export interface GivenRow<O extends Columns, T extends SideTables> extends Given<O> {
  /** What was built of the side tables. */
  readonly tables: BuiltOf<T>;
}

/** Without `makes` the compiler knows no names of columns, or none but `string`. */
type Made<M extends Columns> = string extends keyof M ? boolean : keyof M extends never ? boolean : Row<M>;
type Answer<M extends Columns, P extends Ports> =
  | (string extends keyof P ? Answered<M> : keyof P extends never ? Answered<M> : RowOfPorts<P> | Iterable<RowOfPorts<P>>)
  | Rejection | null | undefined;
type Answered<M extends Columns> = Made<M> | Iterable<Row<M>>;

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

interface Common<R extends Columns, M extends Columns, O extends Columns, P extends Ports, T extends SideTables> {
  /** Columns of the input that the function sees. */
  reads: R;
  /** Columns that it makes. */
  makes?: M;
  /** In its place: several outputs by their names, the main one first. */
  ports?: P;
  options?: O;
  /** Tables of the job, whole, to look up in: `{ airlines: table({ carrier: utf8, name: utf8 }, (rows) => …) }`. */
  tables?: T;
  /** Which columns of the input leave besides; a made one takes the place of a passed one of its name. */
  passes?: "all" | "none" | readonly string[];
  drop?: readonly string[];
  rename?: Readonly<Record<string, string>>;
  /** The column that is the output's event time, if it is not the input's. */
  eventTime?: string;
}

export type Definition<
  R extends Columns, M extends Columns, O extends Columns, P extends Ports = {}, T extends SideTables = {},
> = Common<R, M, O, P, T> &
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
    const fields = Object.keys(this.reads);
    const types = Object.values(this.reads);
    const views = types.map((type, at) => view(table.nodes[at]!, plan.formats[at]!, type, table.rows));
    const rejected: { row: number; reason: string }[] = [];
    const refused = nulls(types, fields, views, table.rows, rejected);
    const given = { options, ctx: new Context(context), tables: lookups.built as BuiltOf<T> };
    const emitted =
      this.row === undefined
        ? [this.#wholes(fields, views, types, table.rows, given, refused, rejected)]
        : this.#rows(fields, views, table.rows, given, refused, rejected);
    rejected.sort((a, b) => a.row - b.row);
    return { emitted, rejected };
  }

  #rows(
    fields: string[], views: View[], rows: number, given: GivenRow<O, T>, refused: Set<number> | null,
    rejected: { row: number; reason: string }[],
  ): Emitted[] {
    const reader = compile(fields, views);
    const call = this.row!;
    const ctx = given.ctx;
    const sinks = new Sinks(this.#ports, this.#hasPorts);
    // Of one output, which costs no call for each row.
    const only = this.#hasPorts ? null : sinks.each[0]!;
    for (let row = 0; row < rows; row++) {
      if (refused !== null && refused.has(row)) continue;
      ctx.at(row);
      let answer: any;
      try {
        answer = call(reader(row) as Row<R>, given);
        if (typeof answer === "object" && answer !== null && Symbol.iterator in answer) answer = [...answer];
      } catch (error) {
        if (!(error instanceof Reject)) throw error;
        rejected.push({ row, reason: error.message });
        continue;
      }
      if (answer === null || answer === undefined || answer === false) continue;
      if (answer instanceof Refused) {
        rejected.push({ row, reason: answer.rejected });
      } else if (Array.isArray(answer)) {
        for (const one of answer) sinks.put(one, row);
      } else if (only !== null) {
        only.numbers.push(row);
        only.rows.push(answer);
      } else {
        sinks.put(answer, row);
      }
    }
    return emitted(this.#ports, this.#opened!.plan.orders, sinks, rows);
  }

  #wholes(
    fields: string[], views: View[], types: Column<unknown>[], rows: number, given: GivenRow<O, T>, refused: Set<number> | null,
    rejected: { row: number; reason: string }[],
  ): Emitted {
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
  return { get, whole: type.nullable ? { values, isValid } : values, valid: null };
}

/** Makes a definition an operator. A module exports one. */
export function transform<
  R extends Columns, M extends Columns = {}, O extends Columns = {}, P extends Ports = {}, T extends SideTables = {},
>(definition: Definition<R, M, O, P, T>): Transform<R, M, O, P, T> {
  return new Transform(definition);
}
