/** An aggregate in Java: what is kept goes to it as columns, and comes back so. */
import { typed } from "../columns.ts";
import { Context } from "../context.ts";
import type { Plan } from "../contract.ts";
import { fit, readOptions } from "../contract.ts";
import type { Column, Columns } from "../types.ts";
import type { BatchContext, Contract, Input, Output, Table } from "../wire.ts";
import type { Read } from "./columns.ts";
import { Made, placesOf, read, readRows } from "./columns.ts";
import { columnsOf, type Definition } from "./definition.ts";
import type { Classes } from "./module.ts";
import { open } from "./module.ts";

/** Accumulators have one version until a module says otherwise. */
const STATE_VERSION = 1;
const NOTHING_PASSES = { passes: "none", drop: [], rename: {} } as const;

export class JavaAggregate {
  readonly #java: Classes;
  readonly #definition: Definition;
  readonly #reads: Columns;
  /** A row of nulls stands for nothing, so every column may be null. */
  readonly #kept: Columns;
  readonly #makes: Columns;
  #opened: { plan: Plan; order: number[] } | null = null;

  constructor(java: Classes, definition: Definition) {
    this.#java = java;
    this.#definition = definition;
    this.#reads = columnsOf(definition.reads);
    const kept = Object.entries(columnsOf(definition.state!));
    this.#kept = Object.fromEntries(kept.map(([field, type]) => [field, type.column === undefined ? type.orNull : type.orNull.named(type.column)]));
    this.#makes = columnsOf(definition.makes!);
  }

  open(inputs: Input[], text: string): Contract {
    const { options, ordered, retracts, state } = this.#definition;
    const given = readOptions(columnsOf(options), text);
    const [contract, plan] = fit(inputs, this.#reads, this.#makes, NOTHING_PASSES, null);
    this.#opened = { plan, order: placesOf(plan.order, Object.keys(this.#makes)) };
    open(this.#java, given, options);
    if (state!.every(({ nullable }) => nullable)) this.#checkZero();
    const values = Object.entries(this.#kept).map(([field, { column, format }]) => ({ name: column ?? field, format, nullable: true, children: 0 }));
    return {
      ...contract,
      state: [{ name: "accumulator", subkey: [], values }],
      stateVersion: STATE_VERSION,
      properties: [...(ordered ? [["ordered", "true"]] : []), ...(retracts ? [["accepts", "append,retract"]] : [])] as [string, string][],
    };
  }

  /** Where every component may be null, nulls are what `zero()` comes back as. */
  #checkZero(): void {
    const made = new Made(this.#kept, 1);
    this.#java.zero!(made);
    const at = made.valid.findIndex((valid) => valid![0] === 1);
    if (at >= 0) throw new Error(`\`zero()\` has a \`${made.names[at]}\`: where all that is kept may be null, it is null in \`zero()\``);
  }

  accumulate(context: BatchContext, table: Table, slots: Uint8Array, accumulators: Table): Table {
    return this.#fold(false, context, table, slots, accumulators);
  }

  /** The engine asks only what the contract says that it accepts. */
  retract(context: BatchContext, table: Table, slots: Uint8Array, accumulators: Table): Table {
    return this.#fold(true, context, table, slots, accumulators);
  }

  #fold(takesBack: boolean, context: BatchContext, table: Table, slots: Uint8Array, accumulators: Table): Table {
    // A null is no value and is left out, as SQL's aggregates do.
    const rows = readRows(this.#reads, table, this.#opened!.plan.formats, []);
    const of: Uint32Array = typed(Uint32Array, slots, table.rows);
    const [kept, made] = [this.#load(accumulators), this.#made(accumulators.rows)];
    const batch = { ...rows, context: new Context(context) };
    this.#java.fold!(takesBack, batch, table.rows, of, kept, accumulators.rows, this.#columns, made);
    return { rows: made.count, nodes: made.nodes() };
  }

  merge(left: Table, right: Table): Table {
    const made = this.#made(left.rows);
    this.#java.merge!(this.#load(left), this.#load(right), left.rows, this.#columns, made);
    return { rows: made.count, nodes: made.nodes() };
  }

  finish(starts: Uint8Array, ends: Uint8Array, panes: Uint8Array, accumulators: Table): Output {
    const groups = accumulators.rows;
    const [start, end] = [typed(BigInt64Array, starts, groups), typed(BigInt64Array, ends, groups)];
    const rejected: { row: number; reason: string }[] = [];
    const made = new Made(this.#makes, groups);
    this.#java.finish!({ start, end, panes, rejected, outputs: [made] }, this.#load(accumulators), groups, this.#columns);
    return { emitted: [made.emitted(0, this.#opened!.order, groups)], rejected };
  }

  get #columns(): number {
    return Object.keys(this.#kept).length;
  }

  #made(groups: number): Made {
    return new Made(this.#kept, groups);
  }

  #load(accumulators: Table): Read {
    const formats = Object.values(this.#kept).map(({ format }: Column<unknown>) => format);
    return read(this.#kept, accumulators.nodes, formats, accumulators.rows);
  }
}
