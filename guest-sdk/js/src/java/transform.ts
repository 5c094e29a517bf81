/** A transform in Java: the loop over the rows is Java's as well. */
import { Context } from "../context.ts";
import { Lookups, table } from "../lookups.ts";
import type { BatchContext, Contract, Input, Output, Table } from "../wire.ts";
import { keptOf } from "./columns.ts";
import { columnsOf, namesOf } from "./definition.ts";
import { JavaRows } from "./rows.ts";

export class JavaTransform extends JavaRows {
  #lookups: Lookups | null = null;

  override open(inputs: Input[], text: string): Contract {
    const { lookups } = this.definition;
    const contract = super.open(inputs, text);
    const tables = lookups.map(({ name, reads }, at) => [
      name, table(columnsOf(reads), (rows) => (this.java.load!(at, namesOf(reads), rows), true)),
    ]);
    this.#lookups = new Lookups(Object.fromEntries(tables), inputs);
    return { ...contract, tables: lookups.map(({ name }) => name) };
  }

  load(name: string, rows: Table): void {
    this.#lookups!.load(name, rows);
  }

  process(batch: BatchContext, given: Table): Output {
    // Fails when a table has not come.
    void this.#lookups!.built;
    const rejected: { row: number; reason: string }[] = [];
    const all = this.read(given, rejected);
    const isCut = this.definition.whole === true && all.refused !== null;
    const rows = isCut ? keptOf(this.reads, all, given.rows) : { ...all, kept: null };
    const outputs = this.outputs(given.rows);
    this.java.process!({ ...rows, rejected, outputs, context: new Context(batch) }, rows.kept?.length ?? given.rows);
    return this.output(outputs, rejected, given.rows);
  }
}
