/**
 * `cogroup(…)`: a function of one key and its rows on two inputs, the general join, as an operator.
 *
 * The engine matches the rows by the key that the job names, and calls `process` for each key that has rows on either side. Rows are numbered
 * over both sides, left ones first.
 */
import { compile, nulls } from "./batch.ts";
import { typed, view } from "./columns.ts";
import { Context } from "./context.ts";
import type { Plan } from "./contract.ts";
import { fitKey, fitPorts, fitSide, readOptions } from "./contract.ts";
import type { MadeOf, PortSpec, Ports } from "./ports.ts";
import { emitted, portSpecs, Sinks } from "./ports.ts";
import type { Column, Columns, Row } from "./types.ts";
import type { BatchContext, Contract, Input, Output, Table } from "./wire.ts";

/** Takes the rows that are made. Their key columns are the engine's to fill in. */
export interface Joined<L extends Columns, R extends Columns, M extends Columns, P extends Ports = {}> {
  /** Emits a row; of an operator with `ports`, `{ unpaid: row }`. */
  emit(made: MadeOf<M, P>): void;
  /** Rejects one of the key's rows, of either side: it goes to `operator.left-rejected` or `operator.right-rejected`. The first reason counts. */
  reject(row: Row<L> | Row<R>, reason: string): void;
}

/** What `process` is given for a key; one of the sides may have no rows. */
export interface Pair<
  K extends Columns, L extends Columns, R extends Columns, M extends Columns, O extends Columns, P extends Ports = {},
> {
  readonly key: Row<K>;
  readonly left: readonly Row<L>[];
  readonly right: readonly Row<R>[];
  readonly out: Joined<L, R, M, P>;
  readonly options: Row<O>;
  /** Speaks of the key's first row, and after `ctx.of(row)` of that. */
  readonly ctx: Context;
}

export interface CogroupDefinition<
  K extends Columns, L extends Columns, R extends Columns, M extends Columns, O extends Columns, P extends Ports = {},
> {
  /** Columns of the key that `process` sees, named as on the left. */
  key?: K;
  /** Columns of the two inputs that it sees. */
  left: L;
  right: R;
  makes?: M;
  /** In its place: several outputs by their names, the main one first. */
  ports?: P;
  options?: O;
  /** Of the inputs the columns of the key leave, and no others can. */
  drop?: readonly string[];
  rename?: Readonly<Record<string, string>>;
  /** The column that is the output's event time, if it has one. */
  eventTime?: string;
  process(pair: Pair<K, L, R, M, O, P>): void;
}

/** An operator. */
export class Cogroup<
  K extends Columns = Columns, L extends Columns = Columns, R extends Columns = Columns, M extends Columns = Columns,
  O extends Columns = Columns, P extends Ports = Ports,
> {
  readonly definition: CogroupDefinition<K, L, R, M, O, P>;
  readonly #ports: PortSpec[];
  #opened: { plan: Plan; right: string[]; options: any; key: { place: number; format: string }[] } | null = null;

  constructor(definition: CogroupDefinition<K, L, R, M, O, P>) {
    this.definition = definition;
    this.#ports = portSpecs(definition, "key");
  }

  /** Throws `Unfit` with words for the job's owner. */
  open(inputs: Input[], text: string): Contract {
    const { key = {}, left, right, options = {}, drop = [], rename = {} } = this.definition;
    const read = readOptions(options, text);
    const [first, second] = fitSide(inputs, right);
    const [contract, plan] = fitPorts([first], left, this.#ports, { passes: "key", drop, rename });
    this.#opened = { plan, right: second.formats, options: read, key: fitKey([first], key) };
    return { ...contract, reads: [...contract.reads, second.reads] };
  }

  process(
    context: BatchContext, left: Table, leftEnds: Uint8Array, right: Table, rightEnds: Uint8Array, keys: Table,
  ): Output {
    const { plan, right: rightFormats, options, key: places } = this.#opened!;
    const { key = {}, left: leftReads, right: rightReads, process } = this.definition;
    const rejected: { row: number; reason: string }[] = [];
    const sides = [
      new Side(leftReads, left, plan.formats, leftEnds, keys.rows, 0, rejected),
      new Side(rightReads, right, rightFormats, rightEnds, keys.rows, left.rows, rejected),
    ] as const;
    const types: Column<unknown>[] = Object.values(key);
    const views = places.map(({ place, format }, at) => view(keys.nodes[place]!, format, types[at]!, keys.rows));
    const unkeyed: { row: number; reason: string }[] = [];
    nulls(types, Object.keys(key), views, keys.rows, unkeyed);
    const whyRefused = new Map(unkeyed.map(({ row, reason }) => [row, reason]));
    const readKey = compile(Object.keys(key), views);
    const ctx = new Context(context);
    const sinks = new Sinks(this.#ports, this.definition.ports !== undefined);
    const refused = new Set<number>();
    for (let at = 0; at < keys.rows; at++) {
      const numbers = new Map<object, number>();
      const [ofLeft, ofRight] = sides.map((side) => side.rowsOf(at, numbers)) as [Row<L>[], Row<R>[]];
      if (numbers.size === 0) continue;
      const reject = (row: Row<L> | Row<R>, reason: string): void => {
        const number = numbers.get(row);
        if (number === undefined) throw new Error("the row is not one of those that this call was given for the key");
        if (refused.has(number)) return;
        refused.add(number);
        rejected.push({ row: number, reason });
      };
      const why = whyRefused.get(at);
      if (why !== undefined) {
        for (const row of numbers.keys()) reject(row as Row<L>, why);
        continue;
      }
      ctx.at(numbers.values().next().value!);
      const out = { emit: (made: MadeOf<M, P>): void => sinks.put(made, at), reject };
      process({ key: readKey(at) as Row<K>, left: ofLeft, right: ofRight, out, options, ctx: ctx.among(numbers) });
    }
    return { emitted: emitted(this.#ports, plan.orders, sinks, keys.rows), rejected: rejected.sort((a, b) => a.row - b.row) };
  }
}

/** The rows of an input. */
class Side {
  readonly #reader: (row: number) => Record<string, unknown>;
  readonly #refused: Set<number> | null;
  readonly #ends: Uint32Array;
  readonly #first: number;

  /** `first` is the number of its first row, over both sides. */
  constructor(
    reads: Columns, table: Table, formats: string[], ends: Uint8Array, keys: number, first: number, rejected: { row: number; reason: string }[],
  ) {
    const types = Object.values(reads);
    const views = types.map((type, at) => view(table.nodes[at]!, formats[at]!, type, table.rows));
    const without: { row: number; reason: string }[] = [];
    this.#refused = nulls(types, Object.keys(reads), views, table.rows, without);
    for (const { row, reason } of without) rejected.push({ row: first + row, reason });
    this.#reader = compile(Object.keys(reads), views);
    this.#ends = typed(Uint32Array, ends, keys);
    this.#first = first;
  }

  /** Those of a key that are shown, whose numbers are noted. */
  rowsOf(key: number, numbers: Map<object, number>): Record<string, unknown>[] {
    const rows: Record<string, unknown>[] = [];
    for (let row = key === 0 ? 0 : this.#ends[key - 1]!; row < this.#ends[key]!; row++) {
      if (this.#refused !== null && this.#refused.has(row)) continue;
      const read = this.#reader(row);
      numbers.set(read, this.#first + row);
      rows.push(read);
    }
    return rows;
  }
}

/** Makes a definition an operator. A module exports one. */
export function cogroup<
  L extends Columns, R extends Columns, K extends Columns = {}, M extends Columns = {}, O extends Columns = {},
  P extends Ports = {},
>(definition: CogroupDefinition<K, L, R, M, O, P>): Cogroup<K, L, R, M, O, P> {
  return new Cogroup(definition);
}
