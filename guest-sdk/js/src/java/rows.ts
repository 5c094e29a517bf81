/** What transforms and enrich operators in Java have in common: rows that are read, and those that are made. */
import type { Plan } from "../contract.ts";
import { fitPorts, readOptions } from "../contract.ts";
import type { PortSpec } from "../ports.ts";
import { portSpecs } from "../ports.ts";
import type { Columns } from "../types.ts";
import type { Contract, Input, Output, Table } from "../wire.ts";
import { Made, placesOf, readRows, type Rows } from "./columns.ts";
import { columnsOf, type Definition, outputsOf } from "./definition.ts";
import type { Classes } from "./module.ts";
import { open } from "./module.ts";

type Rejected = { row: number; reason: string }[];

export class JavaRows {
  protected readonly java: Classes;
  protected readonly definition: Definition;
  protected readonly reads: Columns;
  readonly #outputs: any;
  readonly #ports: PortSpec[];
  #opened: { plan: Plan; orders: number[][] } | null = null;

  constructor(java: Classes, definition: Definition) {
    this.java = java;
    this.definition = definition;
    this.reads = columnsOf(definition.reads);
    this.#outputs = outputsOf(definition);
    this.#ports = portSpecs(this.#outputs, "all");
  }

  open(inputs: Input[], text: string): Contract {
    const { options } = this.definition;
    const read = readOptions(columnsOf(options), text);
    const { passes = "all", drop = [], rename = {} } = this.#outputs;
    const [contract, plan] = fitPorts(inputs, this.reads, this.#ports, { passes, drop, rename });
    const orders = plan.orders.map((order, at) => placesOf(order, Object.keys(this.#ports[at]!.makes)));
    this.#opened = { plan, orders };
    open(this.java, read, options);
    return contract;
  }

  protected read(given: Table, rejected: Rejected): Rows {
    return readRows(this.reads, given, this.#opened!.plan.formats, rejected);
  }

  /** Room for what is made. */
  protected outputs(rows: number): Made[] {
    return this.#ports.map(({ makes }) => new Made(makes, rows));
  }

  protected output(outputs: readonly Made[], rejected: Rejected, rows: number): Output {
    const left = outputs.map((made, port) => ({ made, port })).filter(({ made }) => outputs.length === 1 || made.count > 0);
    return {
      emitted: left.map(({ made, port }) => made.emitted(port, this.#opened!.orders[port]!, rows)),
      rejected: rejected.sort((a, b) => a.row - b.row),
    };
  }
}
