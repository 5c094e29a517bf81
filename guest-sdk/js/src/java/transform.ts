/** A transform in Java: the loop over the rows is Java's as well. */
import { Context } from "../context.ts";
import type { Plan } from "../contract.ts";
import { fitPorts, readOptions } from "../contract.ts";
import { Lookups, table } from "../lookups.ts";
import type { PortSpec } from "../ports.ts";
import { portSpecs } from "../ports.ts";
import type { Columns } from "../types.ts";
import type { BatchContext, Contract, Input, Output, Table } from "../wire.ts";
import { keptOf, Made, placesOf, readRows } from "./columns.ts";
import { columnsOf, type Definition, namesOf, outputsOf } from "./definition.ts";
import type { Classes } from "./module.ts";
import { open } from "./module.ts";

export class JavaTransform {
  readonly #java: Classes;
  readonly #definition: Definition;
  readonly #reads: Columns;
  readonly #outputs: any;
  readonly #ports: PortSpec[];
  #opened: { plan: Plan; orders: number[][]; lookups: Lookups } | null = null;

  constructor(java: Classes, definition: Definition) {
    this.#java = java;
    this.#definition = definition;
    this.#reads = columnsOf(definition.reads);
    this.#outputs = outputsOf(definition);
    this.#ports = portSpecs(this.#outputs, "all");
  }

  open(inputs: Input[], text: string): Contract {
    const { options, lookups } = this.#definition;
    const read = readOptions(columnsOf(options), text);
    const { passes = "all", drop = [], rename = {} } = this.#outputs;
    const [contract, plan] = fitPorts(inputs, this.#reads, this.#ports, { passes, drop, rename });
    const orders = plan.orders.map((order, at) => placesOf(order, Object.keys(this.#ports[at]!.makes)));
    const tables = lookups.map(({ name, reads }, at) => [
      name, table(columnsOf(reads), (rows) => (this.#java.load!(at, namesOf(reads), rows), true)),
    ]);
    this.#opened = { plan, orders, lookups: new Lookups(Object.fromEntries(tables), inputs) };
    open(this.#java, read, options);
    return { ...contract, tables: lookups.map(({ name }) => name) };
  }

  load(name: string, rows: Table): void {
    this.#opened!.lookups.load(name, rows);
  }

  process(batch: BatchContext, given: Table): Output {
    const { plan, orders, lookups } = this.#opened!;
    // Fails when a table has not come.
    void lookups.built;
    const rejected: { row: number; reason: string }[] = [];
    const all = readRows(this.#reads, given, plan.formats, rejected);
    const isCut = this.#definition.whole === true && all.refused !== null;
    const rows = isCut ? keptOf(this.#reads, all, given.rows) : { ...all, kept: null };
    const outputs = this.#ports.map(({ makes }) => new Made(makes, given.rows));
    this.#java.process!({ ...rows, rejected, outputs, context: new Context(batch) }, rows.kept?.length ?? given.rows);
    rejected.sort((a, b) => a.row - b.row);
    const left = outputs.map((made, port) => ({ made, port })).filter(({ made }) => outputs.length === 1 || made.count > 0);
    return { emitted: left.map(({ made, port }) => made.emitted(port, orders[port]!, given.rows)), rejected };
  }
}
