/**
 * What a function of one row answers, and the loop that calls it: of transforms and of enrich operators.
 *
 * A row is a map, null leaves the row out, a boolean is a filter that computes nothing, a list or a generator of rows a flat-map, and
 * `reject(reason)` refuses the row. With `ports` a row says to which output it goes: `{ parsed: { level } }`.
 */
import { compile, nulls } from "./batch.ts";
import type { View } from "./columns.ts";
import { view } from "./columns.ts";
import type { Context, Place } from "./context.ts";
import type { PortSpec, Ports, RowOfPorts } from "./ports.ts";
import { emitted, Sinks } from "./ports.ts";
import type { Column, Columns, Row } from "./types.ts";
import type { Emitted, Table } from "./wire.ts";

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

/** Without `makes` the compiler knows no names of columns, or none but `string`. */
type Made<M extends Columns> = string extends keyof M ? boolean : keyof M extends never ? boolean : Row<M>;
type Answered<M extends Columns> = Made<M> | Iterable<Row<M>>;
/** What a function of one row may answer. */
export type Answer<M extends Columns, P extends Ports> =
  | (string extends keyof P ? Answered<M> : keyof P extends never ? Answered<M> : RowOfPorts<P> | Iterable<RowOfPorts<P>>)
  | Rejection | null | undefined;

/** What an operator of rows reads and makes. */
export interface Common<R extends Columns, M extends Columns, O extends Columns, P extends Ports> {
  /** Columns of the input that the function sees. */
  reads: R;
  /** Columns that it makes. */
  makes?: M;
  /** In its place: several outputs by their names, the main one first. */
  ports?: P;
  options?: O;
  /** Which columns of the input leave besides; a made one takes the place of a passed one of its name. */
  passes?: "all" | "none" | readonly string[];
  drop?: readonly string[];
  rename?: Readonly<Record<string, string>>;
  /** The column that is the output's event time, if it is not the input's. */
  eventTime?: string;
}

/** The rows of a call, by columns. */
export interface Loaded {
  readonly fields: string[];
  readonly types: Column<unknown>[];
  readonly views: View[];
  readonly rows: number;
  /** Rows that the function is not shown; null if there is none. Each is rejected. */
  readonly refused: Set<number> | null;
  readonly rejected: { row: number; reason: string }[];
}

export function load(reads: Columns, table: Table, formats: readonly string[]): Loaded {
  const fields = Object.keys(reads);
  const types = Object.values(reads);
  const views = types.map((type, at) => view(table.nodes[at]!, formats[at]!, type, table.rows));
  const rejected: { row: number; reason: string }[] = [];
  return { fields, types, views, rows: table.rows, refused: nulls(types, fields, views, table.rows, rejected), rejected };
}

/** The outputs of an operator, as agreed in `open`. */
export interface Outputs {
  readonly specs: readonly PortSpec[];
  readonly orders: readonly string[][];
  readonly hasPorts: boolean;
}

const ITERATOR = Symbol.iterator;

/** Calls `call` for each row that is shown; `place` is that of its context. */
export function runRows<T, G extends { readonly ctx: Context }>(
  { fields, views, rows, refused, rejected }: Loaded, call: (row: any, given: G) => T, given: G, place: Place, { specs, orders, hasPorts }: Outputs,
): Emitted[] {
  const read = compile(fields, views);
  const sinks = new Sinks(specs, hasPorts);
  // Of one output, which costs no call for each row.
  const only = hasPorts ? null : sinks.each[0]!;
  for (let row = 0; row < rows; row++) {
    if (refused !== null && refused.has(row)) continue;
    place.row = row;
    let answer: any;
    let several: any[] | null = null;
    try {
      answer = call(read(row), given);
      if (answer === null || answer === undefined || answer === false) continue;
      if (typeof answer === "object" && ITERATOR in answer) several = [...answer];
    } catch (error) {
      if (!(error instanceof Reject)) throw error;
      rejected.push({ row, reason: error.message });
      continue;
    }
    if (several !== null) {
      for (const one of several) sinks.put(one, row);
    } else if (answer instanceof Refused) {
      rejected.push({ row, reason: answer.rejected });
    } else if (only !== null) {
      only.numbers[only.numbers.length] = row;
      only.rows[only.rows.length] = answer;
    } else {
      sinks.put(answer, row);
    }
  }
  return emitted(specs, orders, sinks, rows);
}
